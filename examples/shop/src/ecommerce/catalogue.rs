//! What can be bought, and for how much.

/// An article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Article {
    /// Its number.
    pub number: &'static str,
    /// What it costs, in cents.
    pub price: u64,
}

const ARTICLES: [Article; 4] = [
    Article { number: "book", price: 1_990 },
    Article { number: "lamp", price: 4_500 },
    Article { number: "mug", price: 1_200 },
    Article { number: "desk", price: 24_900 },
];

/// Looks an article up.
pub fn article(number: &str) -> Option<Article> {
    ARTICLES.into_iter().find(|article| article.number == number)
}
