//! `lessons [FILE]`: plays a term into a SQLite file, and prints what the school wants to know.

use std::path::PathBuf;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let file = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("lessons.db"), PathBuf::from);
    match run(&file).await {
        Ok(reports) => {
            print!("{reports}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lessons: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(file: &std::path::Path) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let app = lessons::school::open(file).await?;
    lessons::school::play(&app).await?;
    lessons::school::reports(&app).await
}
