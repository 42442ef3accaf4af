//! Control files (deb822(5)): in: text from anywhere, out: paragraphs, and the text again.

use std::fmt;
use std::io::{BufRead, Read as _, Write};

use crate::error::Error;

#[cfg(test)]
mod tests;

/// The longest line that is read, in bytes. Our own limit: Debian's longest is some 100 KiB.
pub const MAX_LINE: u64 = 1 << 20;
/// The longest paragraph that is read, in bytes. Our own limit.
pub const MAX_PARAGRAPH: u64 = 8 << 20;
/// The most fields that a paragraph can have. Our own limit: it keeps the look-up by name cheap.
pub const MAX_FIELDS: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
}

/// One paragraph (dpkg says stanza): fields in order, names compared without case.
///
/// A value is its lines joined by `\n`: the text behind the colon, then every continuation line
/// without its first blank. Only values that are read back as they were can get in, so that writing
/// cannot forge a field: no control characters but the tab, no blanks at a line's end, no empty
/// continuation line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraph {
    fields: Vec<Field>,
}

impl Paragraph {
    /// A paragraph without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.position(name).map(|at| self.fields[at].value.as_str())
    }

    /// The value of a field that has to be there.
    ///
    /// # Errors
    /// `Error::Field` where it is absent or empty.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        match self.get(name) {
            Some("") => Err(Error::field(name, "is empty")),
            Some(value) => Ok(value),
            None => Err(Error::field(name, "is missing")),
        }
    }

    /// Sets a field: in its place where it exists, else at the end.
    ///
    /// # Errors
    /// `Error::Field` where name or value would not be read back as they are.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let end = self.fields.len();
        self.set_at(end, name, value)
    }

    /// Sets a field: in its place where it exists, else behind the field `anchor`, else at the end.
    ///
    /// # Errors
    /// As [`Paragraph::set`].
    pub fn set_after(&mut self, anchor: &str, name: &str, value: &str) -> Result<(), Error> {
        let at = self.position(anchor).map_or(self.fields.len(), |at| at + 1);
        self.set_at(at, name, value)
    }

    fn set_at(&mut self, at: usize, name: &str, value: &str) -> Result<(), Error> {
        check_name(name).map_err(|reason| Error::field(name, reason))?;
        check_value(value).map_err(|reason| Error::field(name, reason))?;
        if let Some(existing) = self.position(name) {
            value.clone_into(&mut self.fields[existing].value);
        } else if self.fields.len() == MAX_FIELDS {
            return Err(Error::field(name, "the paragraph has 1000 fields already"));
        } else {
            self.fields.insert(at, Field { name: name.to_owned(), value: value.to_owned() });
        }
        Ok(())
    }

    /// Takes a field out, and says whether it was there by giving its value.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.position(name).map(|at| self.fields.remove(at).value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|field| (field.name.as_str(), field.value.as_str()))
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The same fields, those in `order` first; the others keep their order behind them.
    #[must_use]
    pub fn ordered(mut self, order: &[&str]) -> Self {
        self.fields.sort_by_key(|field| {
            order
                .iter()
                .position(|name| name.eq_ignore_ascii_case(&field.name))
                .unwrap_or(usize::MAX)
        });
        self
    }

    /// Writes the fields, without the empty line that ends a paragraph.
    ///
    /// # Errors
    /// `Error::Io` from the writer.
    pub fn write_to(&self, mut out: impl Write) -> Result<(), Error> {
        Ok(write!(out, "{self}")?)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Paragraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Field { name, value } in &self.fields {
            write!(f, "{name}:")?;
            for (number, line) in value.split('\n').enumerate() {
                match (number, line) {
                    (0, "") => f.write_str("\n")?,
                    _ => writeln!(f, " {line}")?,
                }
            }
        }
        Ok(())
    }
}

/// deb822(5): printable ASCII without space and colon, and not `#` or `-` at the start.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("the name is empty");
    }
    if name.starts_with(['#', '-']) {
        return Err("the name starts with '#' or '-'");
    }
    if !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
        return Err("the name has a character other than printable ASCII without ':'");
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), &'static str> {
    if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("the value has a control character");
    }
    for (number, line) in value.split('\n').enumerate() {
        if line.ends_with([' ', '\t']) {
            return Err("a line of the value ends with a blank");
        }
        if number == 0 && line.starts_with([' ', '\t']) {
            return Err("the value starts with a blank");
        }
        if number > 0 && line.is_empty() {
            return Err("the value has an empty line, which would end the paragraph");
        }
    }
    Ok(())
}

/// Which of the two kinds of control file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Made by programs (in a .deb, `Packages`, `Release`): no comments, and a newline at the end.
    Binary,
    /// Written by people (`debian/control`): lines that start with `#` are comments.
    Source,
}

/// Reads paragraphs one by one; after an error it ends.
#[derive(Debug)]
pub struct Paragraphs<R> {
    reader: R,
    dialect: Dialect,
    line: u64,
    failed: bool,
}

impl<R: BufRead> Paragraphs<R> {
    /// A parser over text; [`MAX_LINE`], [`MAX_PARAGRAPH`] and [`MAX_FIELDS`] bound its memory.
    pub fn new(reader: R, dialect: Dialect) -> Self {
        Self { reader, dialect, line: 0, failed: false }
    }

    /// Reads a text that has to have exactly one paragraph.
    ///
    /// # Errors
    /// `Error::Line` with the number of the line, `Error::Io` from the reader.
    pub fn only(reader: R, dialect: Dialect) -> Result<Paragraph, Error> {
        let mut paragraphs = Self::new(reader, dialect);
        let first = paragraphs.next().transpose()?;
        let first = first.ok_or_else(|| Error::line(1, "there is no paragraph"))?;
        match paragraphs.next().transpose()? {
            None => Ok(first),
            Some(_) => Err(Error::line(paragraphs.line, "there is a second paragraph")),
        }
    }

    fn next_line(&mut self) -> Result<Option<String>, Error> {
        self.line += 1;
        read_line(&mut self.reader, self.line, self.dialect)
    }

    fn read_paragraph(&mut self) -> Result<Option<Paragraph>, Error> {
        let mut paragraph = Paragraph::new();
        let mut open: Option<Field> = None;
        let mut bytes = 0;
        while let Some(line) = self.next_line()? {
            bytes += line.len() as u64;
            if bytes > MAX_PARAGRAPH {
                return Err(Error::line(self.line, "the paragraph is longer than 8 MiB"));
            }
            if self.dialect == Dialect::Source && line.starts_with('#') {
                continue;
            }
            let text = line.trim_end_matches([' ', '\t']);
            if text.is_empty() {
                if open.is_none() {
                    continue;
                }
                if !line.is_empty() {
                    // Some parsers end the paragraph here, others go on: two readings of one file.
                    return Err(Error::line(self.line, "a line of blanks inside a paragraph"));
                }
                break;
            }
            if let Some(continuation) = text.strip_prefix([' ', '\t']) {
                let Some(field) = &mut open else {
                    return Err(Error::line(self.line, "a continuation line without a field"));
                };
                field.value.push('\n');
                field.value.push_str(continuation);
                continue;
            }
            if let Some(done) = open.take() {
                self.close(&mut paragraph, done)?;
            }
            let Some((name, value)) = text.split_once(':') else {
                return Err(Error::line(
                    self.line,
                    "neither a field (no colon) nor a continuation",
                ));
            };
            check_name(name).map_err(|reason| Error::line(self.line, reason))?;
            if paragraph.get(name).is_some() {
                let name = crate::error::clipped(name);
                return Err(Error::line(self.line, format!("a second field \"{name}\"")));
            }
            let value = value.trim_start_matches([' ', '\t']).to_owned();
            open = Some(Field { name: name.to_owned(), value });
        }
        match open {
            None => Ok(None),
            Some(done) => {
                self.close(&mut paragraph, done)?;
                Ok(Some(paragraph))
            }
        }
    }

    fn close(&self, paragraph: &mut Paragraph, field: Field) -> Result<(), Error> {
        paragraph.set(&field.name, &field.value).map_err(|error| match error {
            Error::Field { name, reason } => {
                let name = crate::error::clipped(&name);
                Error::line(self.line, format!("up to here, field \"{name}\": {reason}"))
            }
            other => other,
        })
    }
}

impl<R: BufRead> Iterator for Paragraphs<R> {
    type Item = Result<Paragraph, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.read_paragraph();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// The next line without its newline, or `None` at the end.
pub(crate) fn read_line(
    reader: &mut impl BufRead,
    number: u64,
    dialect: Dialect,
) -> Result<Option<String>, Error> {
    let mut line = Vec::new();
    reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 > MAX_LINE {
        return Err(Error::line(number, "the line is longer than 1 MiB"));
    } else if dialect == Dialect::Binary {
        return Err(Error::line(number, "the newline at the end is missing"));
    }
    String::from_utf8(line).map(Some).map_err(|_| Error::line(number, "the line is not UTF-8"))
}
