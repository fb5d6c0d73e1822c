//! Chromium, driven: windows, pages, clicks, and waiting until a page says what is expected.
//! Every test has a browser of its own with an empty profile; it is closed when the test ends.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};
use vpd_tests::Result;

use super::program::Program;
use super::site::Site;

/// Longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser. The client is behind a WebDriver server that ends with it.
pub struct Browser {
    pub client: Client,
    _driver: Program,
    _profile: Profile,
}

/// The browser's folder. It goes last, when nobody writes to it any more.
struct Profile(PathBuf);

impl Browser {
    /// Starts chromedriver and through it Chromium, without a screen.
    pub async fn start() -> Result<Self> {
        let folder = env::temp_dir().join(format!(
            "vpd-chromium-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        fs::create_dir_all(&folder)?;
        let folder = Profile(folder);
        let mut driver = Program::start(
            Path::new("chromedriver"),
            &["--port=0".as_ref()],
            &folder.0.join("driver.log"),
        )?;
        let port: u16 = driver.line(|line| {
            let rest = line.split_once("started successfully on port ")?.1;
            rest.trim_end().trim_end_matches('.').parse().ok()
        })?;
        let mut capabilities = Capabilities::new();
        let profile = format!("--user-data-dir={}", folder.0.join("profile").display());
        capabilities.insert(
            "goog:chromeOptions".into(),
            json!({ "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--hide-scrollbars", profile,
            ] }),
        );
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await?;
        client.set_window_size(1280, 1000).await?;
        Ok(Self {
            client,
            _driver: driver,
            _profile: folder,
        })
    }

    /// Waits until an expression is true in the current page; its value comes back.
    pub async fn wait_until(&self, expression: &str) -> Result<Value> {
        let began = Instant::now();
        loop {
            // A page that is just being replaced cannot answer; the next one will.
            let found = self.evaluate(expression).await;
            match found {
                Ok(value) if ![json!(null), json!(false), json!("")].contains(&value) => return Ok(value),
                found if began.elapsed() > PATIENCE => {
                    let page = self
                        .evaluate("location.href + ' ' + document.body.innerText")
                        .await;
                    return Err(format!("waited in vain for {expression}: {found:?} on {page:?}").into());
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The value of an expression in the current page.
    pub async fn evaluate(&self, expression: &str) -> Result<Value> {
        Ok(self
            .client
            .execute(&format!("return ({expression})"), vec![])
            .await?)
    }

    /// The text of an element.
    pub async fn text(&self, id: &str) -> Result<String> {
        Ok(self.client.find(Locator::Id(id)).await?.text().await?)
    }

    /// Clicks an element, as a person would.
    pub async fn click(&self, id: &str) -> Result<()> {
        Ok(self.client.find(Locator::Id(id)).await?.click().await?)
    }

    /// Logs a user in on the portal, through the identity provider's page; ends on the portal.
    pub async fn log_in(&self, site: &Site, user: &str) -> Result<()> {
        self.client.goto(&site.origin("portal")).await?;
        self.wait_until("document.body.dataset.state === 'nobody'")
            .await?;
        self.click("login").await?;
        self.wait_until(&format!("location.origin === '{}'", site.origin("login")))
            .await?;
        let users = self.client.wait().for_element(Locator::Id("username")).await?;
        users.select_by_label(user).await?;
        self.client
            .find(Locator::Id("password"))
            .await?
            .send_keys(user)
            .await?;
        self.client
            .find(Locator::Css("[type=submit]"))
            .await?
            .click()
            .await?;
        self.wait_until("location.pathname === '/' && document.body.dataset.state === 'open'")
            .await?;
        self.wait_until("document.querySelector('table.rows')").await?;
        Ok(())
    }

    /// Opens floor from the portal and goes there; returns the windows of portal and floor.
    pub async fn open_floor(&self) -> Result<(WindowHandle, WindowHandle)> {
        let portal = self.client.window().await?;
        self.click("open-floor").await?;
        let floor = self.wait_for_window(&[&portal]).await?;
        self.client.switch_to_window(floor.clone()).await?;
        self.wait_until("location.host.startsWith('floor.') && document.body.dataset.state === 'open'")
            .await?;
        self.wait_until("document.querySelector('table.rows')").await?;
        Ok((portal, floor))
    }

    /// Waits for a window that is none of the known ones.
    pub async fn wait_for_window(&self, known: &[&WindowHandle]) -> Result<WindowHandle> {
        let began = Instant::now();
        loop {
            let windows = self.client.windows().await?;
            if let Some(window) = windows.into_iter().find(|window| !known.contains(&window)) {
                return Ok(window);
            }
            if began.elapsed() > PATIENCE {
                return Err("no window opened".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a window is gone.
    pub async fn wait_for_end_of(&self, window: &WindowHandle) -> Result<()> {
        let began = Instant::now();
        while self.client.windows().await?.contains(window) {
            if began.elapsed() > PATIENCE {
                return Err("the window is still open".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// A command of the browser's own protocol, for what a page cannot do.
    pub async fn devtools(&self, command: &'static str, parameters: Value) -> Result<Value> {
        Ok(self.client.issue_cmd(DevTools { command, parameters }).await?)
    }

    /// Keeps a picture of the current page under `docs/images`, when asked to by VPD_SCREENSHOTS=1.
    pub async fn keep_picture(&self, name: &str) -> Result<()> {
        if env::var_os("VPD_SCREENSHOTS").is_some_and(|value| value == "1") {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
            fs::create_dir_all(&folder)?;
            fs::write(
                folder.join(format!("{name}.png")),
                self.client.screenshot().await?,
            )?;
        }
        Ok(())
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // What cannot be removed lies in the temporary folder and holds nothing of value.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> std::result::Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}
