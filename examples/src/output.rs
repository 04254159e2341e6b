//! What a program shows: progress bars and live lines on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Where lines go.
#[derive(Clone, Debug)]
pub struct Screen {
    bars: Option<MultiProgress>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen {
    /// Bars where a person looks on, plain lines where none does.
    pub fn new() -> Self {
        Self { bars: std::io::stdout().is_terminal().then(MultiProgress::new) }
    }

    /// One line.
    pub fn line(&self, text: impl AsRef<str>) {
        match &self.bars {
            Some(bars) => bars.suspend(|| println!("{}", text.as_ref())),
            None => println!("{}", text.as_ref()),
        }
    }

    /// A heading.
    pub fn heading(&self, text: &str) {
        self.line(format!("\n== {text}"));
    }

    /// The progress of so many steps.
    pub fn progress(&self, what: &str, steps: usize) -> Progress {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(steps as u64));
            let style = ProgressStyle::with_template("   {msg:24} [{bar:30}] {pos}/{len}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            bar.set_message(what.to_owned());
            bar
        });
        Progress { screen: self.clone(), what: what.to_owned(), bar, done: 0, steps }
    }
}

/// Progress of one thing.
#[derive(Debug)]
pub struct Progress {
    screen: Screen,
    what: String,
    bar: Option<ProgressBar>,
    done: usize,
    steps: usize,
}

impl Progress {
    /// One step more.
    pub fn step(&mut self) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            // Without a terminal a line a quarter is enough.
            None => {
                let quarter = (self.steps / 4).max(1);
                if self.done == self.steps || self.done.is_multiple_of(quarter) {
                    self.screen.line(format!("   {}: {}/{}", self.what, self.done, self.steps));
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
