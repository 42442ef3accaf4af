//! Names that go into a git command. In: what a caller gave. Out: the assurance that git can read it in one
//! way only.

use tagboat_core::commit::ObjectId;
use tagboat_core::ports::RepositoryError;

/// Where private refs live.
pub(super) const PRIVATE: &str = "refs/tagboat/";
/// Where tags live.
pub(super) const TAGS: &str = "refs/tags/";

/// A full ref name by git-check-ref-format(1), as far as it matters where names are put together: nothing
/// that ends a refspec or a line, or that makes it a pattern.
pub(super) fn check_ref(name: &str) -> Result<(), RepositoryError> {
    let forbidden = |byte: u8| byte <= b' ' || byte == 0x7f || b"~^:?*[\\".contains(&byte);
    let component =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let sound = name.starts_with("refs/")
        && !name.bytes().any(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(component);
    if sound { Ok(()) } else { Err(unexpected("a full ref name", name)) }
}

/// A name that the remote may be asked for: a full ref name, or `HEAD`, its default branch.
pub(super) fn check_remote_ref(name: &str) -> Result<(), RepositoryError> {
    if name == "HEAD" { Ok(()) } else { check_ref(name) }
}

/// A ref that a fetch may write: a tag, or one of ours.
pub(super) fn check_destination(name: &str) -> Result<(), RepositoryError> {
    check_ref(name)?;
    if name.starts_with(TAGS) { Ok(()) } else { check_private(name) }
}

/// A private ref.
pub(super) fn check_private(name: &str) -> Result<(), RepositoryError> {
    check_ref(name)?;
    if name.starts_with(PRIVATE) { Ok(()) } else { Err(unexpected("a private ref", name)) }
}

/// `HEAD`, a full ref name or an object id.
pub(super) fn check_revision(name: &str) -> Result<(), RepositoryError> {
    if name == "HEAD" || ObjectId::parse(name).is_ok() { Ok(()) } else { check_ref(name) }
}

/// A remote's name as `git remote add` takes it; never a URL or an option.
pub(super) fn check_remote(name: &str) -> Result<(), RepositoryError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let sound = !name.starts_with(['-', '.', '/']) && !name.is_empty() && name.bytes().all(plain);
    if sound { Ok(()) } else { Err(unexpected("a remote's name", name)) }
}

fn unexpected(wanted: &str, got: &str) -> RepositoryError {
    let got: String = got.chars().take(100).collect();
    RepositoryError::Unexpected(format!("{got:?} is not {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_change_a_refspec_is_a_ref_name() {
        for bad in [
            "",
            "refs/",
            "refs/tags/",
            "tags/x",
            "refs/tags/a:b",
            "refs/tags/*",
            "+refs/tags/x",
            "refs/tags/a b",
            "refs/tags/a\nb",
            "refs/tags/a..b",
            "refs/tags/x.lock",
            "refs/tags/@{1}",
            "refs/tags/x^{}",
            "-refs/x",
            ":refs/tags/x",
            "refs//x",
            "refs/.x/y",
        ] {
            assert!(check_ref(bad).is_err(), "{bad:?}");
        }
        for good in ["refs/tags/--output=x", "refs/tags/$(id)", "refs/tags/a/v1.0.0-rc.1"] {
            assert_eq!(check_ref(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn a_url_or_an_option_is_no_remote_name() {
        for bad in ["", "--upload-pack=x", "ext::sh", "https://example.org/x", "../x", "/srv/x"] {
            assert!(check_remote(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_remote("origin"), Ok(()));
    }
}
