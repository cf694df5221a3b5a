//! Where an NF keeps its sockets and its state.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::StartError;
use crate::sections::ProcessSettings;

/// The longest path of a directory of sockets: a unix socket's path has 107 octets, the longest name in it 50.
const LONGEST_RUN_DIR: usize = 57;

/// Name of the file with the public keys of the NRF's tokens, in the state directory.
pub const TOKEN_KEYS: &str = "nrf-tokens.jwks";

/// Directories of a core. All its NFs on a machine use the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// Directory of sockets.
    pub run: PathBuf,
    /// Directory of what must survive.
    pub state: PathBuf,
}

impl Directories {
    /// The directories as the environment, the configuration or the system's customs say, in this order.
    pub fn find(settings: &ProcessSettings) -> Self {
        Self::choose(settings, rustix::process::geteuid().as_raw(), |name| std::env::var_os(name).map(PathBuf::from))
    }

    fn choose(settings: &ProcessSettings, uid: u32, environment: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.as_os_str().is_empty());
        let run = || match uid {
            0 => PathBuf::from("/run/peregrine"),
            _ => set("XDG_RUNTIME_DIR")
                .map_or_else(|| format!("/tmp/peregrine-{uid}").into(), |dir| dir.join("peregrine")),
        };
        let home = || set("HOME").unwrap_or_else(|| "/tmp".into()).join(".local/state");
        let state = || match uid {
            0 => PathBuf::from("/var/lib/peregrine"),
            _ => set("XDG_STATE_HOME").unwrap_or_else(home).join("peregrine"),
        };
        Self {
            run: set("PEREGRINE_RUN_DIR").or_else(|| settings.run_dir.clone()).unwrap_or_else(run),
            state: set("PEREGRINE_STATE_DIR").or_else(|| settings.state_dir.clone()).unwrap_or_else(state),
        }
    }

    /// Makes the directories, for their owner only.
    ///
    /// # Errors
    /// One cannot be made or written to, or its path is too long for a socket in it.
    pub fn make(&self) -> Result<(), StartError> {
        if self.run.as_os_str().len() > LONGEST_RUN_DIR {
            let why = format!(
                "longer than {LONGEST_RUN_DIR} characters: a socket's path would not fit. Set process.run_dir or PEREGRINE_RUN_DIR"
            );
            return Err(StartError::file(&self.run, why));
        }
        make_directory(&self.run, "process.run_dir or PEREGRINE_RUN_DIR")?;
        make_directory(&self.state, "process.state_dir or PEREGRINE_STATE_DIR")
    }

    /// The operator's socket of an NF (`amf`).
    pub fn admin_socket(&self, nf: &str) -> PathBuf {
        self.run.join(format!("{nf}.admin.sock"))
    }

    /// The file where the NRF on this machine keeps the public keys of its tokens, as a JWK set (RFC 7517).
    pub fn token_keys(&self) -> PathBuf {
        self.state.join(TOKEN_KEYS)
    }

    /// The socket where the NF that serves `address` hands out shared-memory channels. It follows from the address, so
    /// that a URI is enough to find it.
    pub fn shm_socket(&self, address: SocketAddr) -> PathBuf {
        self.run.join(format!("{}_{}.shm", address.ip(), address.port()))
    }

    /// The socket where that NF speaks HTTP/2, likewise.
    pub fn h2_socket(&self, address: SocketAddr) -> PathBuf {
        self.run.join(format!("{}_{}.h2", address.ip(), address.port()))
    }
}

fn make_directory(path: &Path, key: &str) -> Result<(), StartError> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    let unusable = |why: &dyn std::fmt::Display| {
        StartError::file(path, format!("{why}. Name a directory that this user may write to with {key}"))
    };
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    let writable = made.and_then(|()| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).map_err(Into::into));
    writable.map_err(|why| unusable(&why))?;
    let metadata = std::fs::metadata(path).map_err(|why| unusable(&why))?;
    let user = rustix::process::geteuid().as_raw();
    // In a place that all may write to, somebody else may have been there first.
    if metadata.uid() != user && user != 0 {
        return Err(unusable(&"it belongs to another user"));
    }
    if metadata.mode() & 0o002 != 0 {
        return Err(unusable(&"every user may write to it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(settings: &ProcessSettings, uid: u32, environment: &[(&str, &str)]) -> (String, String) {
        let value = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| PathBuf::from(value));
        let dirs = Directories::choose(settings, uid, value);
        (dirs.run.display().to_string(), dirs.state.display().to_string())
    }

    #[test]
    fn the_environment_goes_before_the_file_and_the_file_before_custom() {
        let file = ProcessSettings { run_dir: Some("/r".into()), ..ProcessSettings::default() };
        let plain = ProcessSettings::default();
        assert_eq!(chosen(&plain, 0, &[]), ("/run/peregrine".into(), "/var/lib/peregrine".into()));
        let user = [("XDG_RUNTIME_DIR", "/run/user/1"), ("HOME", "/home/u")];
        assert_eq!(chosen(&plain, 1, &user), ("/run/user/1/peregrine".into(), "/home/u/.local/state/peregrine".into()));
        assert_eq!(chosen(&plain, 1, &[]).0, "/tmp/peregrine-1");
        assert_eq!(chosen(&file, 0, &[]).0, "/r");
        assert_eq!(chosen(&file, 0, &[("PEREGRINE_RUN_DIR", "/e")]).0, "/e");
    }

    #[test]
    fn a_directory_too_long_for_sockets_is_refused_with_the_key_to_change() {
        let place = tempfile::tempdir().expect("a directory");
        let long = Directories { run: place.path().join("x".repeat(80)), state: place.path().join("s") };
        let error = long.make().expect_err("too long").to_string();
        assert!(error.contains("process.run_dir"), "{error}");
    }

    #[test]
    fn a_directory_that_every_user_may_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().expect("a directory");
        let run = place.path().join("run");
        let directories = Directories { run: run.clone(), state: place.path().join("state") };
        directories.make().unwrap_or_else(|error| panic!("{error}"));
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o777)).expect("ours");
        let error = directories.make().expect_err("not private").to_string();
        assert!(error.contains("every user may write to it"), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_refused_with_the_key_to_change() {
        let error = Directories { run: "/proc/nowhere".into(), state: "/tmp".into() }.make().expect_err("not possible");
        assert!(error.to_string().contains("PEREGRINE_RUN_DIR"), "{error}");
    }
}
