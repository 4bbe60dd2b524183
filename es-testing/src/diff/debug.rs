//! Two values of one type, compared by what their pretty `Debug` prints: one field a line.

use super::json::difference;
use std::fmt::Debug;

/// A text for each field that differs; none if both print the same.
pub(crate) fn debug<T: Debug + ?Sized>(actual: &T, expected: &T) -> Vec<String> {
    let (a, e) = (format!("{actual:#?}"), format!("{expected:#?}"));
    if a == e {
        return Vec::new();
    }
    let (a_leaves, e_leaves) = (leaves(&a), leaves(&e));
    let same_shape =
        a_leaves.len() == e_leaves.len() && a_leaves.iter().zip(&e_leaves).all(|(a, e)| a.0 == e.0);
    let comparable = same_shape && a_leaves.first() == e_leaves.first();
    if !comparable {
        return vec![format!("{actual:?} ≠ {expected:?}")];
    }
    let pairs = a_leaves.iter().zip(&e_leaves).filter(|(a, e)| a.1 != e.1);
    pairs.map(|(a, e)| difference(&a.0, &a.1, &e.1)).collect()
}

/// The fields that hold no further fields, each with its path. The name of the type that opens a block is
/// one of them, so that two variants never look alike.
fn leaves(pretty: &str) -> Vec<(String, String)> {
    let mut open: Vec<Block> = Vec::new();
    let mut found = Vec::new();
    for line in pretty.lines().map(|line| line.trim().trim_end_matches(',')) {
        if matches!(line, "}" | ")" | "]") {
            if let Some(block) = open.pop().filter(|block| block.tuple && block.next == 1) {
                block.unwrap(&mut found);
            }
            continue;
        }
        let opens = line.ends_with(['{', '(', '[']);
        let (name, value) = match line.split_once(": ") {
            Some((name, value)) if is_name(name) => (Some(name), value),
            _ => (None, line),
        };
        let step = open.last_mut().map(|block| block.step(name)).unwrap_or_default();
        let path = open.last().map_or_else(String::new, |block| format!("{}{step}", block.path));
        let path = path.trim_start_matches('.').to_owned();
        if opens {
            let (list, tuple) = (!value.ends_with('{'), value.ends_with('('));
            open.push(Block { path: path.clone(), list, tuple, next: 0, first: found.len() + 1 });
        }
        found.push((path, value.trim_end_matches(['{', '(', '[', ' ']).to_owned()));
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A block that is not closed yet.
struct Block {
    path: String,
    list: bool,
    tuple: bool,
    next: usize,
    /// Where its fields begin among those found.
    first: usize,
}

impl Block {
    /// The last part of the path of what comes next in this block.
    fn step(&mut self, name: Option<&str>) -> String {
        let index = self.next;
        self.next += 1;
        match name {
            Some(name) if !self.list => format!(".{name}"),
            _ => format!("[{index}]"),
        }
    }

    /// Leaves the index out of the paths in a tuple of one: `Some(..)` is no list.
    fn unwrap(&self, found: &mut [(String, String)]) {
        for (path, _) in found.iter_mut().skip(self.first) {
            if let Some(rest) = path.strip_prefix(&self.path).and_then(|rest| rest.strip_prefix("[0]")) {
                let without = format!("{}{rest}", self.path);
                without.trim_start_matches('.').clone_into(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::debug;

    #[derive(Debug)]
    #[allow(dead_code, reason = "printed")]
    enum Refused {
        Overdraft { available: u64, by: Vec<(u8, &'static str)> },
        Closed,
    }

    #[test]
    fn fields_of_one_variant_are_compared() {
        let a = Refused::Overdraft { available: 10, by: vec![(1, "a: b"), (2, "b")] };
        let b = Refused::Overdraft { available: 50, by: vec![(1, "a: b"), (3, "b")] };
        assert_eq!(debug(&a, &b), ["`available` 10 ≠ 50", "`by[1][0]` 2 ≠ 3"]);
        assert!(debug(&a, &a).is_empty());
    }

    #[test]
    fn a_tuple_of_one_is_not_a_list() {
        let some = |available| Some(Some(Refused::Overdraft { available, by: vec![] }));
        assert_eq!(debug(&some(1), &some(2)), ["`available` 1 ≠ 2"]);
        assert_eq!(debug(&Some(1), &Some(2)), ["1 ≠ 2"]);
        assert_eq!(debug(&Some([1]), &Some([2])), ["`[0]` 1 ≠ 2"]);
    }

    #[test]
    fn different_variants_stand_whole() {
        let a = Refused::Overdraft { available: 10, by: vec![] };
        assert_eq!(debug(&a, &Refused::Closed), ["Overdraft { available: 10, by: [] } ≠ Closed"]);
        assert_eq!(debug(&Some(1), &None), ["Some(1) ≠ None"]);
    }
}
