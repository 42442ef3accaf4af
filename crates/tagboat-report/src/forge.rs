//! Pages of the forge's Actions. In: the server and the repository, as the runner's variables tell them. Out:
//! https addresses that people can open.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest address that is read, in bytes; those made here are far shorter.
const MAX_URL: usize = 2_048;

/// The address of a page of a forge's Actions: `https://HOST/OWNER/NAME/actions[/...]` (SPEC P2). Made of
/// characters that mean nothing in Markdown and HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActionsUrl(String);

/// A text that is no address of a page of Actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnActionsUrl(String);

impl fmt::Display for NotAnActionsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no https address of a page of Actions", self.0)
    }
}

impl std::error::Error for NotAnActionsUrl {}

impl ActionsUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// [`NotAnActionsUrl`].
    pub fn parse(text: &str) -> Result<Self, NotAnActionsUrl> {
        let wrong = || NotAnActionsUrl(text.chars().take(64).collect());
        let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
        let mut parts = rest.split('/');
        let sound = text.len() <= MAX_URL
            && parts.next().is_some_and(is_host)
            && parts.next().is_some_and(is_name)
            && parts.next().is_some_and(is_name)
            && parts.next() == Some("actions")
            && parts.all(is_name);
        if sound { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ActionsUrl {
    type Error = NotAnActionsUrl;

    fn try_from(text: String) -> Result<Self, NotAnActionsUrl> {
        Self::parse(&text)
    }
}

impl From<ActionsUrl> for String {
    fn from(url: ActionsUrl) -> Self {
        url.0
    }
}

fn is_host(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
}

fn is_name(part: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(inner)
}

/// The pages of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgePages {
    actions: ActionsUrl,
}

impl ForgePages {
    /// From what GitHub's runner calls `GITHUB_SERVER_URL` (`https://github.com`) and `GITHUB_REPOSITORY`
    /// (`owner/name`).
    ///
    /// # Errors
    /// [`NotAnActionsUrl`] where they make no https address.
    pub fn new(server: &str, repository: &str) -> Result<Self, NotAnActionsUrl> {
        let server = server.trim_end_matches('/');
        ActionsUrl::parse(&format!("{server}/{repository}/actions")).map(|actions| Self { actions })
    }

    /// Where all runs are listed.
    #[must_use]
    pub fn actions(&self) -> ActionsUrl {
        self.actions.clone()
    }

    /// The page of a workflow's file, where it is started: no address prefills its form (DESIGN §4).
    #[must_use]
    pub fn workflow(&self, workflow: Workflow) -> ActionsUrl {
        ActionsUrl(format!("{}/workflows/{}", self.actions.0, workflow.file()))
    }

    /// The page of a run; the list of all runs where `run` is no number of the forge.
    #[must_use]
    pub fn run(&self, run: &str) -> ActionsUrl {
        let number = (1..=20).contains(&run.len()) && run.bytes().all(|b| b.is_ascii_digit());
        if number { ActionsUrl(format!("{}/runs/{run}", self.actions.0)) } else { self.actions() }
    }
}

/// The generated workflows that a person starts (SPEC W1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workflow {
    /// `deploy.yml`.
    Deploy,
    /// `rollback.yml`.
    Rollback,
}

impl Workflow {
    const fn file(self) -> &'static str {
        match self {
            Self::Deploy => "deploy.yml",
            Self::Rollback => "rollback.yml",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_an_https_address_below_actions() {
        let pages = ForgePages::new("https://github.com/", "acme/shop").unwrap();
        let deploy = pages.workflow(Workflow::Deploy);
        assert_eq!(deploy.as_str(), "https://github.com/acme/shop/actions/workflows/deploy.yml");
        assert_eq!(pages.run("42").as_str(), "https://github.com/acme/shop/actions/runs/42");
        assert_eq!(pages.run("local-deploy-1"), pages.actions());
        for url in [pages.actions(), pages.run("1"), pages.workflow(Workflow::Rollback)] {
            assert_eq!(ActionsUrl::parse(url.as_str()), Ok(url.clone()));
        }
    }

    #[test]
    fn what_is_no_such_address_is_refused() {
        for bad in [
            "http://github.com/acme/shop/actions",
            "https://github.com/acme/shop",
            "https://github.com/acme/shop/settings",
            "https://user@github.com/acme/shop/actions",
            "https://github.com/acme/shop/actions/../../x",
            "https://github.com/acme/shop/actions) [x](http://evil",
            "https://github.com/acme/shop/actions/workflows/deploy.yml?inputs=version:v1",
            "javascript:alert(1)",
            "",
        ] {
            assert!(ActionsUrl::parse(bad).is_err(), "{bad}");
        }
        assert!(ForgePages::new("https://github.com", "shop").is_err());
        assert!(ForgePages::new("https://github.com", "acme/shop/more").is_err());
        assert!(ForgePages::new("", "acme/shop").is_err());
    }
}
