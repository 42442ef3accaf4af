//! Checked values that several shapes use. In: what stands in a file. Out: a value whose rules hold.

pub mod debian;
pub mod host;
pub mod key;
pub mod names;
pub mod path;
pub mod quantity;

pub use debian::{
    Dependency, Homepage, LintianTag, Maintainer, MirrorUri, Priority, Section, Synopsis,
    TestEnvironment, ToolVersion,
};
pub use host::{Address, HostKey, UserName};
pub use key::{Fingerprint, Signer, SignerKey};
pub use names::{
    Argv, Branch, CommandLine, Email, LabelName, Line, MetricName, Remote, TagPattern,
    VariableName, VariableValue, Webhook, Word,
};
pub use path::{HostPath, Mode, RepoPath, UrlPath};
pub use quantity::{
    Count, Days, Hours, Keep, Megabytes, Minutes, Percent, Port, Ratio, Seconds, Times, Window,
};

#[cfg(test)]
mod tests;
