//! Writes the seeds of every target to a folder per target: `seeds CORPUS_FOLDER`. Prints the targets' names.

use std::path::Path;
use std::process::ExitCode;

fn write(corpus: &Path, target: &fuzz::Target) -> std::io::Result<()> {
    let folder = corpus.join(target.name);
    std::fs::create_dir_all(&folder)?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let Some(corpus) = std::env::args_os().nth(1) else {
        eprintln!("usage: seeds CORPUS_FOLDER");
        return ExitCode::from(2);
    };
    for target in fuzz::TARGETS {
        if let Err(error) = write(Path::new(&corpus), target) {
            eprintln!("cannot write the seeds of {}: {error}", target.name);
            return ExitCode::FAILURE;
        }
        println!("{}", target.name);
    }
    ExitCode::SUCCESS
}
