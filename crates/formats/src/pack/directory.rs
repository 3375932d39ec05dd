//! Where a user's caches are.
//!
//! Source: the XDG base directory specification; the platform guides of Apple and Microsoft.

use std::ffi::OsString;
use std::path::PathBuf;

/// Names the directory itself, or `off`.
const OWN_VARIABLE: &str = "LOOKDESK_CACHE_DIR";

/// The directory to keep packed weights in, by the variables that `variable` gives; `None` if the
/// user wants none, or the system names no home.
pub(super) fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(own) = variable(OWN_VARIABLE) {
        let off = own.is_empty() || own.eq_ignore_ascii_case("off");
        return if off {
            None
        } else {
            std::path::absolute(own).ok()
        };
    }
    // The specification has relative paths ignored: they would mean a directory per working
    // directory.
    let base = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let caches = base("XDG_CACHE_HOME").or_else(|| {
        if cfg!(windows) {
            base("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            base("HOME").map(|home| home.join("Library/Caches"))
        } else {
            base("HOME").map(|home| home.join(".cache"))
        }
    })?;
    Some(caches.join("lookdesk"))
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use std::path::Path;

    use super::*;

    fn with(variables: &[(&str, &str)]) -> Option<PathBuf> {
        of_user(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name)?;
            Some(found.1.into())
        })
    }

    #[test]
    fn the_own_variable_goes_before_xdg_and_xdg_before_home() {
        let home = ("HOME", "/home/ann");
        let xdg = ("XDG_CACHE_HOME", "/fast/ann");
        let own = ("LOOKDESK_CACHE_DIR", "/packs");
        assert_eq!(
            with(&[home]).as_deref(),
            Some(Path::new("/home/ann/.cache/lookdesk"))
        );
        assert_eq!(
            with(&[home, xdg]).as_deref(),
            Some(Path::new("/fast/ann/lookdesk"))
        );
        assert_eq!(
            with(&[home, xdg, own]).as_deref(),
            Some(Path::new("/packs"))
        );
    }

    #[test]
    fn the_cache_can_be_turned_off() {
        for off in ["off", "OFF", ""] {
            assert_eq!(
                with(&[("LOOKDESK_CACHE_DIR", off), ("HOME", "/home/ann")]),
                None
            );
        }
        assert_eq!(with(&[]), None);
    }

    #[test]
    fn a_relative_base_is_ignored_and_a_relative_own_directory_is_meant() {
        let home = ("HOME", "/home/ann");
        assert_eq!(
            with(&[home, ("XDG_CACHE_HOME", "caches")]).as_deref(),
            Some(Path::new("/home/ann/.cache/lookdesk"))
        );
        assert_eq!(with(&[("HOME", "")]), None);
        let own = with(&[("LOOKDESK_CACHE_DIR", "packs")]).unwrap();
        assert!(own.is_absolute() && own.ends_with("packs"));
    }
}
