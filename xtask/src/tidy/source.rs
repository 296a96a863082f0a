//! What the rules need to know of a Rust file, from its tokens: comments are gone and literals are whole.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A fact and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) line: usize,
    /// Inside a `#[cfg(test)]` item or a `#[test]` function.
    pub(crate) in_test: bool,
    pub(crate) what: T,
}

/// A string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// As written, without quotes.
    pub(crate) text: String,
    /// The function, method or macro in whose arguments it stands.
    pub(crate) argument_of: Option<String>,
}

/// The facts of one file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// String literals, but for documentation.
    pub(crate) texts: Vec<At<Text>>,
    /// Names of the macros called.
    pub(crate) macros: Vec<At<String>>,
    /// Names of the methods called, as in `.name(`.
    pub(crate) methods: Vec<At<String>>,
    /// Pairs of a path, as in `One::two`.
    pub(crate) paths: Vec<At<(String, String)>>,
    /// What `==` and `!=` compare: of both sides the last name, behind which nothing but its bytes or its text is taken.
    pub(crate) compared: Vec<At<Vec<String>>>,
    /// `#[ignore]` that gives no reason.
    pub(crate) bare_ignores: Vec<At<()>>,
}

/// The file is no Rust.
#[derive(Debug)]
pub(crate) struct ParseError {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Where the walk is.
#[derive(Clone, Default)]
struct Place {
    in_test: bool,
    argument_of: Option<String>,
}

impl Source {
    /// Reads the tokens of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| ParseError {
            line: error.span().start().line,
            message: format!("cannot be read as Rust: {error}"),
        })?;
        let mut source = Self::default();
        source.walk(tokens, &Place::default());
        Ok(source)
    }

    fn walk(&mut self, tokens: TokenStream, place: &Place) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        // An attribute that marks test code holds until the body of its item ends.
        let mut marked_test = false;
        for (index, token) in tokens.iter().enumerate() {
            let before = |back: usize| index.checked_sub(back).and_then(|index| tokens.get(index));
            let line = token.span().start().line;
            let at = |in_test: bool| At { line, in_test, what: () };
            let in_test = place.in_test || marked_test;
            match token {
                TokenTree::Group(group)
                    if group.delimiter() == Delimiter::Bracket && is_attribute(&before) =>
                {
                    let attribute = group.stream();
                    let text = attribute.to_string().replace(' ', "");
                    if text == "test"
                        || text.ends_with("::test")
                        || text.starts_with("cfg(") && text.contains("test")
                    {
                        marked_test = true;
                    }
                    if text == "ignore" {
                        self.bare_ignores.push(at(in_test));
                    }
                    if !text.starts_with("doc=") {
                        self.walk(attribute, &Place { in_test, argument_of: None });
                    }
                }
                TokenTree::Group(group) => {
                    let argument_of = match (before(1), before(2)) {
                        (Some(TokenTree::Ident(name)), _) => Some(name.to_string()),
                        (Some(TokenTree::Punct(bang)), Some(TokenTree::Ident(name)))
                            if bang.as_char() == '!' =>
                        {
                            Some(name.to_string())
                        }
                        _ => None,
                    };
                    self.walk(group.stream(), &Place { in_test, argument_of });
                    if group.delimiter() == Delimiter::Brace {
                        marked_test = false;
                    }
                }
                TokenTree::Literal(literal) => {
                    if let Some(text) = string_of(&literal.to_string()) {
                        let what = Text { text, argument_of: place.argument_of.clone() };
                        self.texts.push(At { line, in_test, what });
                    }
                }
                TokenTree::Ident(name) => {
                    let after = |forward: usize| tokens.get(index.saturating_add(forward));
                    let at = |what: String| At { line, in_test, what };
                    let is = |token: Option<&TokenTree>, mark: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
                    if is(after(1), '!') && matches!(after(2), Some(TokenTree::Group(_))) {
                        self.macros.push(at(name.to_string()));
                    }
                    if is(before(1), '.') && matches!(after(1), Some(TokenTree::Group(_))) {
                        self.methods.push(at(name.to_string()));
                    }
                    if is(after(1), ':')
                        && is(after(2), ':')
                        && let Some(TokenTree::Ident(last)) = after(3)
                    {
                        self.paths.push(At { line, in_test, what: (name.to_string(), last.to_string()) });
                    }
                }
                TokenTree::Punct(punct) => {
                    marked_test = marked_test && punct.as_char() != ';';
                    if is_comparison(&tokens, index) {
                        let sides = [&tokens[..index], &tokens[index.saturating_add(2)..]];
                        let names = [last_name(left_operand(sides[0])), last_name(right_operand(sides[1]))];
                        let what = names.into_iter().flatten().collect();
                        self.compared.push(At { line, in_test, what });
                    }
                }
            }
        }
    }
}

/// Whether the tokens before a bracket make it an attribute: `#` or `#!`.
fn is_attribute<'a>(before: &impl Fn(usize) -> Option<&'a TokenTree>) -> bool {
    let is = |back: usize, mark: char| matches!(before(back), Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
    is(1, '#') || is(1, '!') && is(2, '#')
}

/// Whether `==` or `!=` begins here.
fn is_comparison(tokens: &[TokenTree], index: usize) -> bool {
    let mark = |index: usize| match tokens.get(index) {
        Some(TokenTree::Punct(punct)) => Some((punct.as_char(), punct.spacing())),
        _ => None,
    };
    let begins = matches!(mark(index), Some(('=' | '!', Spacing::Joint)));
    let goes_on = matches!(mark(index.saturating_add(1)), Some(('=', _)));
    // The second half of one that was counted.
    let is_half = index.checked_sub(1).and_then(mark).is_some_and(|(_, spacing)| spacing == Spacing::Joint);
    begins && goes_on && !is_half
}

/// Whether a token may be within `&a.b(c)?.d`, on one side of a comparison.
fn is_of_operand(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(name) => !["if", "while", "let", "return", "match", "in", "else", "move"]
            .contains(&name.to_string().as_str()),
        TokenTree::Group(group) => group.delimiter() != Delimiter::Brace,
        TokenTree::Punct(punct) => matches!(punct.as_char(), '.' | ':' | '&' | '*' | '?'),
        // The field of a tuple, say.
        TokenTree::Literal(_) => true,
    }
}

fn left_operand(before: &[TokenTree]) -> &[TokenTree] {
    let length = before.iter().rev().take_while(|token| is_of_operand(token)).count();
    &before[before.len().saturating_sub(length)..]
}

fn right_operand(after: &[TokenTree]) -> &[TokenTree] {
    let length = after.iter().take_while(|token| is_of_operand(token)).count();
    &after[..length]
}

/// The name that an operand ends with; `Some(name)` is that name as well.
fn last_name(operand: &[TokenTree]) -> Option<String> {
    const SAME: [&str; 13] = [
        "as_bytes",
        "as_str",
        "as_ref",
        "as_deref",
        "as_slice",
        "trim",
        "to_string",
        "to_owned",
        "to_vec",
        "clone",
        "cloned",
        "into_bytes",
        "unwrap_or_default",
    ];
    let mut names = operand.iter().enumerate().rev().filter_map(|(index, token)| match token {
        TokenTree::Ident(name) => Some((index, name.to_string())),
        _ => None,
    });
    let (index, name) = names.find(|(_, name)| !SAME.contains(&name.as_str()))?;
    match (name.as_str(), operand.get(index.saturating_add(1))) {
        ("Some", Some(TokenTree::Group(group))) => last_name(&group.stream().into_iter().collect::<Vec<_>>()),
        _ => Some(name),
    }
}

/// What stands between the quotes of a string literal; nothing for numbers and characters.
fn string_of(literal: &str) -> Option<String> {
    let start = literal.find('"')?;
    let end = literal.rfind('"')?;
    let prefix = literal.get(..start)?;
    let is_string = prefix.chars().all(|character| matches!(character, 'r' | 'b' | 'c' | '#'));
    (is_string && end > start)
        .then(|| literal.get(start.saturating_add(1)..end).unwrap_or_default().to_owned())
}
