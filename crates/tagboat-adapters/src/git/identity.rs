//! Writing tag objects. In: a tag, and who signs it. Out: its object id; or that git does not know who writes it.

use tagboat_core::commit::ObjectId;
use tagboat_core::ports::{NewTag, RepositoryError, Scope, TagSigner};

use super::GitRepository;
use super::names::check_ref;

impl GitRepository {
    pub(super) fn make_tag(
        &self,
        scope: &Scope<'_>,
        tag: &NewTag,
        signer: Option<&dyn TagSigner>,
    ) -> Result<ObjectId, RepositoryError> {
        check_ref(&format!("refs/tags/{}", tag.name))?;
        let mut content = tag.payload(&self.committer(scope)?);
        if let Some(signer) = signer {
            let signature = signer.sign(scope, content.as_bytes(), tag.time)?;
            content.push_str(&signature);
        }
        let command = self.command(["mktag"]).stdin(content);
        let output = self.git.checked(scope, &command)?;
        let text = output.text();
        ObjectId::parse(text.trim_end())
            .map_err(|error| RepositoryError::Unexpected(error.to_string()))
    }

    /// `Name <mail>`, as git itself would write it.
    fn committer(&self, scope: &Scope<'_>) -> Result<String, RepositoryError> {
        let command = self.command(["var", "GIT_COMMITTER_IDENT"]);
        let output = self.git.run(scope, &command)?;
        if !output.success() {
            let said = output.last_lines(1).join("");
            return Err(RepositoryError::Git {
                command: command.to_string(),
                said: format!(
                    "git does not know who you are: set user.name and user.email ({said})"
                ),
            });
        }
        let text = output.text();
        text.rfind('>')
            .map(|end| text[..=end].to_owned())
            .ok_or_else(|| RepositoryError::Unexpected(format!("{text:?} is no identity")))
    }
}
