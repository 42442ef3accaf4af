//! Git hooks (githooks(5)) that keep protected tags where they are (SPEC S3). In: which. Out: a script in POSIX sh, the
//! same for every repository: it asks `tagboat hooks run`, and guards the basics itself where there is no tagboat.

/// A hook that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// In a developer's clone, before a push.
    PrePush,
    /// In a remote, before each ref changes.
    Update,
}

/// What the second line of each hook holds: so ours is told from others'.
const MARK: &str = ": written by tagboat hooks install";

impl Hook {
    /// Its file's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrePush => "pre-push",
            Self::Update => "update",
        }
    }

    /// The whole script.
    #[must_use]
    pub fn script(self) -> String {
        let script = match self {
            Self::PrePush => include_str!("hooks/pre-push.sh"),
            Self::Update => include_str!("hooks/update.sh"),
        };
        script.replace("@GUARD@\n", include_str!("hooks/guard.sh"))
    }
}

/// Whether a script is one of ours, of this version or another.
#[must_use]
pub fn is_ours(script: &[u8]) -> bool {
    let second = script.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    let mark = format!("pre-push{MARK}");
    let other = format!("update{MARK}");
    let text = String::from_utf8_lossy(second);
    text.contains(&mark) || text.contains(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_whole_and_knows_itself() {
        for hook in [Hook::PrePush, Hook::Update] {
            let script = hook.script();
            assert!(is_ours(script.as_bytes()) && !script.contains("@GUARD@"), "{}", hook.name());
            assert!(script.is_ascii(), "a server's sh may know no UTF-8: {}", hook.name());
        }
        assert!(!is_ours(b"#!/bin/sh\nexit 0\n") && !is_ours(b""));
    }
}
