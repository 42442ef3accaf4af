//! What to do next (SPEC P2). In: a label, a command, a page of the forge. Out: links that keep to the
//! specification's rules by their type.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::forge::ActionsUrl;

/// What a link says: 5 to 50 characters (SPEC P2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(Cow<'static, str>);

/// A label that is too short or too long; its length in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelLength(pub usize);

impl fmt::Display for LabelLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (Label::LEAST, Label::MOST);
        write!(f, "a label has {least} to {most} characters, not {}", self.0)
    }
}

impl std::error::Error for LabelLength {}

impl Label {
    /// Fewest characters.
    pub const LEAST: usize = 5;
    /// Most characters.
    pub const MOST: usize = 50;

    /// Takes a label.
    ///
    /// # Errors
    /// [`LabelLength`].
    pub fn parse(text: impl Into<String>) -> Result<Self, LabelLength> {
        let text = text.into();
        match text.chars().count() {
            Self::LEAST..=Self::MOST => Ok(Self(Cow::Owned(text))),
            length => Err(LabelLength(length)),
        }
    }

    /// A label that is checked when it is compiled: only for constants.
    pub(crate) const fn fixed(text: &'static str) -> Self {
        assert!(text.is_ascii() && text.len() >= Self::LEAST && text.len() <= Self::MOST);
        Self(Cow::Borrowed(text))
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Label {
    type Error = LabelLength;

    fn try_from(text: String) -> Result<Self, LabelLength> {
        Self::parse(text)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0.into_owned()
    }
}

/// What a link is about (SPEC P2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Runs a version somewhere.
    Deployment,
    /// Publishes one.
    Release,
    /// Looks after what runs.
    Maintenance,
    /// Goes back to one.
    Rollback,
    /// Shows or marks what is.
    State,
}

/// A next step: the fields of SPEC P2, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionLink {
    /// What it says.
    pub label: Label,
    /// Where to start it; `null` without a forge.
    pub url: Option<ActionsUrl>,
    /// What it does, in a sentence.
    pub description: Option<String>,
    /// The name of an icon of GitHub's set (Octicons): `rocket`.
    pub icon: Option<String>,
    /// What it is about.
    pub category: Category,
    /// The exact command to type. A word in capitals is for the reader to fill in.
    pub command: String,
}

/// Next steps, at least one (SPEC P1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ActionLink>", into = "Vec<ActionLink>")]
pub struct ActionLinks(Vec<ActionLink>);

/// A report without a next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLink;

impl fmt::Display for NoLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report has at least one action link")
    }
}

impl std::error::Error for NoLink {}

impl ActionLinks {
    /// The steps in `links`, in order, and `last`.
    #[must_use]
    pub fn new(mut links: Vec<ActionLink>, last: ActionLink) -> Self {
        links.push(last);
        Self(links)
    }

    /// The steps, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, ActionLink> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a ActionLinks {
    type Item = &'a ActionLink;
    type IntoIter = std::slice::Iter<'a, ActionLink>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TryFrom<Vec<ActionLink>> for ActionLinks {
    type Error = NoLink;

    fn try_from(links: Vec<ActionLink>) -> Result<Self, NoLink> {
        if links.is_empty() { Err(NoLink) } else { Ok(Self(links)) }
    }
}

impl From<ActionLinks> for Vec<ActionLink> {
    fn from(links: ActionLinks) -> Self {
        links.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_label_has_5_to_50_characters(text in r"\PC{0,60}") {
            let length = text.chars().count();
            prop_assert_eq!(Label::parse(text.clone()).is_ok(), (5..=50).contains(&length));
            let read = serde_json::from_value::<Label>(text.into());
            prop_assert_eq!(read.is_ok(), (5..=50).contains(&length));
        }
    }

    #[test]
    fn links_are_never_empty() {
        assert_eq!(ActionLinks::try_from(Vec::new()), Err(NoLink));
        assert!(serde_json::from_str::<ActionLinks>("[]").is_err());
    }

    #[test]
    fn a_link_reads_back_as_it_was_written() {
        let text = r#"{"label":"Promote to Release","url":null,"description":null,"icon":"rocket","category":"release","command":"tagboat status"}"#;
        let link: ActionLink = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&link).unwrap(), text);
        let wrong = text.replace("null,\"desc", "\"https://github.com/acme/shop\",\"desc");
        assert!(serde_json::from_str::<ActionLink>(&wrong).is_err(), "no page of Actions");
    }
}
