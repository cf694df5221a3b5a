//! What a command says.

use std::fmt::Arguments;
use std::io::Write as _;

/// Writes a line to standard output; who reads no further (`| head`) is no mistake of ours.
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::output::line(format_args!($($text)*))
    };
}

/// Writes the line.
pub(crate) fn line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
