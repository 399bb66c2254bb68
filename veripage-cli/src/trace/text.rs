//! The text of one call, `name(argument, ...) = result`, and of the words in it.

/// A call, cut into its parts; nothing is interpreted yet.
#[derive(Debug)]
pub(super) struct CallText<'a> {
    /// Name of the call.
    pub(super) name: &'a str,
    /// The arguments, trimmed; nested brackets and strings are kept whole.
    pub(super) args: Vec<&'a str>,
    /// What follows `= `, trimmed; empty if the call has not returned in this text.
    pub(super) result: &'a str,
}

/// At most this much of a bad text is quoted in an error.
const QUOTED: usize = 60;

/// `text` for an error message: short, on one line.
pub(super) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    format!("`{}`", short.escape_debug())
}

/// The identifier that `text` starts with, and the rest.
pub(super) fn identifier(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || b == b'_'))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The digits that `text` starts with, as a task id, and the rest.
pub(super) fn leading_pid(text: &str) -> Option<(u32, &str)> {
    let end = text
        .bytes()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// Cuts `text` into name, arguments and result.
///
/// # Errors
/// What is missing.
pub(super) fn call(text: &str) -> Result<CallText<'_>, String> {
    let (name, rest) = identifier(text);
    let rest = rest
        .strip_prefix('(')
        .filter(|_| !name.is_empty())
        .ok_or_else(|| format!("not a call: {}", quote(text)))?;
    let (args, rest) = arguments(rest);
    let rest = rest.ok_or_else(|| format!("{name}: the arguments have no end"))?;
    let result = match rest.trim_start().strip_prefix('=') {
        Some(result) => result.trim(),
        None if rest.trim().is_empty() => "",
        None => return Err(format!("{name}: {} instead of a result", quote(rest))),
    };
    Ok(CallText { name, args, result })
}

/// Cuts what follows an opening bracket at its commas; gives the rest behind the closing one, or
/// none if it is missing.
pub(super) fn arguments(text: &str) -> (Vec<&str>, Option<&str>) {
    let bytes = text.as_bytes();
    let (mut args, mut start, mut depth, mut at) = (Vec::new(), 0, 0_usize, 0);
    let mut add = |from: usize, to: usize| {
        let arg = text[from..to].trim();
        if !arg.is_empty() {
            args.push(arg);
        }
    };
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = find(text, at + 2, "*/") + 1,
            b'<' if at > 0
                && bytes[at - 1].is_ascii_digit()
                && bytes.get(at + 1) != Some(&b'<') =>
            {
                at = find(text, at, ">"); // a descriptor with its path
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => {
                add(start, at);
                return (args, Some(&text[at + 1..]));
            }
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                add(start, at);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    add(start, bytes.len());
    (args, None)
}

/// Index of the quote that ends the string starting at `at`, or the last index.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 1,
            b'"' => return i,
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

/// Index of `what` at or behind `from`, or the length.
fn find(text: &str, from: usize, what: &str) -> usize {
    text.get(from..)
        .and_then(|rest| rest.find(what))
        .map_or(text.len(), |i| from + i)
}

/// `text` without a `/* comment */`.
fn without_comment(text: &str) -> &str {
    text.split("/*").next().unwrap_or(text).trim()
}

/// A number as logs write it: `NULL`, hexadecimal with `0x`, or decimal; negative ones wrap.
///
/// # Errors
/// The text, quoted.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let text = without_comment(text);
    let value = match text.strip_prefix("0x") {
        Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16).ok(),
        _ if text == "NULL" => Some(0),
        _ if text.starts_with('-') => text.parse::<i64>().ok().map(i64::cast_unsigned),
        _ => text.parse().ok(),
    };
    value.ok_or_else(|| format!("{} is not a number", quote(text)))
}

/// A descriptor: a decimal number, perhaps with its path in `<>`. Negative means none.
///
/// # Errors
/// The text, quoted.
pub(super) fn descriptor(text: &str) -> Result<Option<i32>, String> {
    let digits = text.split('<').next().unwrap_or(text).trim();
    let fd: i32 = digits
        .parse()
        .map_err(|_| format!("{} is not a descriptor", quote(text)))?;
    Ok((fd >= 0).then_some(fd))
}

/// A word of flags joined by `|`: names, numbers, `N<<MAP_HUGE_SHIFT`, and signals, which count 0.
///
/// # Errors
/// The first part that is none of these, quoted.
pub(super) fn flags(text: &str, named: fn(&str) -> Option<u64>) -> Result<u64, String> {
    let mut word = 0;
    for part in text.split('|') {
        let part = without_comment(part);
        word |= if let Some(value) = named(part) {
            value
        } else if let Some(size) = part.strip_suffix("<<MAP_HUGE_SHIFT") {
            (number(size)? & 0x3f) << 26
        } else if part.starts_with("SIG") {
            0
        } else {
            number(part).map_err(|_| format!("unknown flag {}", quote(part)))?
        };
    }
    Ok(word)
}
