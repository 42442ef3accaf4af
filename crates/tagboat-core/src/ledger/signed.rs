//! Whether a tag is signed. In: what a verifier found. Out: one of three verdicts, in words.

use std::fmt;

/// What the signature of a tag object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// There is none.
    No,
    /// It is good, and by a key that may sign: whose, as the verifier names it.
    By(String),
    /// There is one, and it counts for nothing: why.
    Badly(String),
}

impl Signed {
    /// Whether it is good.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::By(_))
    }

    /// One word for programs: `good`, `none`, `bad`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::No => "none",
            Self::By(_) => "good",
            Self::Badly(_) => "bad",
        }
    }

    /// Who signed, or why the signature is bad; empty where there is none.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::No => "",
            Self::By(detail) | Self::Badly(detail) => detail,
        }
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("unsigned"),
            Self::By(signer) => write!(f, "signed by {signer}"),
            Self::Badly(why) => write!(f, "badly signed: {why}"),
        }
    }
}
