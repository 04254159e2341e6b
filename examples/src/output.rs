//! What a program shows: progress bars and live lines on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Where lines go.
///
/// Once nobody reads them (`| head -1`) they are dropped: a program that stops in the middle of its
/// work because its reader has seen enough would leave half of it.
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
        Self { bars: io::stdout().is_terminal().then(MultiProgress::new) }
    }

    /// One line, or several with line breaks between.
    pub fn line(&self, text: impl AsRef<str>) {
        let write = || {
            let _ = writeln!(io::stdout(), "{}", text.as_ref());
        };
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
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
            None if quarters(self.done, self.steps) > quarters(self.done - 1, self.steps) => {
                self.screen.line(format!("   {}: {}/{}", self.what, self.done, self.steps));
            }
            None => {}
        }
    }
}

/// How many quarters of the steps are done.
fn quarters(done: usize, steps: usize) -> usize {
    (done * 4).checked_div(steps).unwrap_or(0)
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Words one after another with commas between, in lines of at most `width` characters, each line
/// after the first begun with `indent` spaces.
pub fn wrapped(words: &[String], indent: usize, width: usize) -> String {
    let mut lines = vec![String::new()];
    for (n, word) in words.iter().enumerate() {
        let comma = if n + 1 < words.len() { "," } else { "" };
        let used = lines.last().map_or(0, |line| line.chars().count());
        if used > 0 && indent + used + 1 + word.chars().count() + comma.len() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            line.push_str(comma);
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_lost() {
        let words: Vec<String> = ["one", "two", "three", "four"].map(String::from).to_vec();
        assert_eq!(wrapped(&words, 2, 80), "one, two, three, four");
        assert_eq!(wrapped(&words, 2, 11), "one, two,\n  three,\n  four");
        assert_eq!(wrapped(&words, 0, 1), "one,\ntwo,\nthree,\nfour");
        assert_eq!(wrapped(&[], 4, 10), "");
    }

    #[test]
    fn plain_progress_is_told_at_each_quarter_and_at_the_end() {
        let told = |steps: usize| -> Vec<usize> {
            (1..=steps).filter(|n| quarters(*n, steps) > quarters(*n - 1, steps)).collect()
        };
        assert_eq!(told(1), [1]);
        assert_eq!(told(3), [1, 2, 3]);
        assert_eq!(told(26), [7, 13, 20, 26]);
        assert_eq!(quarters(0, 0), 0);
    }
}
