//! Frames for the animated picture in README.md; `client/README.md` has the command.

use super::browser::Browser;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::interval;

/// The command that makes the picture of the frames names this number, too.
const FRAMES_PER_SECOND: u32 = 6;

/// A film of the page, if `LIVE_FRAMES` names a folder for it; otherwise nothing.
pub(crate) struct Film {
    folder: Option<PathBuf>,
    frames: u32,
}

impl Film {
    pub(crate) async fn begin(browser: &Browser) -> Self {
        let folder = std::env::var_os("LIVE_FRAMES").map(PathBuf::from);
        if folder.is_some() {
            browser.show(1280, "light").await;
        }
        let mut film = Self { folder, frames: 0 };
        film.take(browser, 1).await;
        film
    }

    /// Films for so many seconds.
    pub(crate) async fn take(&mut self, browser: &Browser, seconds: u32) {
        let Some(folder) = &self.folder else { return };
        let mut tick = interval(Duration::from_secs(1) / FRAMES_PER_SECOND);
        for _ in 0..seconds * FRAMES_PER_SECOND {
            tick.tick().await;
            let clip = json!({"x": 0, "y": 0, "width": 1280, "height": 890, "scale": 0.75});
            browser.save_screenshot(clip, &folder.join(format!("{:04}.png", self.frames))).await;
            self.frames += 1;
        }
    }
}
