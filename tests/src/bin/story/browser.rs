//! A browser without a screen: cookies by host, redirections, forms, and the headers by which a site knows its own pages.
//! It is one person's: two users have two browsers. It logs out when it goes away.

use std::cell::RefCell;
use std::collections::BTreeMap;

use reqwest::blocking::RequestBuilder;
use reqwest::{Method, Url};
use serde_json::Value;
use vpd_tests::Result;

use crate::form::hidden_fields;
use crate::http::{Answer, Http, send};
use crate::stage::Stage;

/// Cookies and origins of one person.
pub struct Browser {
    http: Http,
    portal: String,
    floor: String,
    jar: RefCell<Jar>,
}

/// Value by host and name, as browsers keep `__Host-` cookies.
pub type Jar = BTreeMap<(String, String), String>;

impl Browser {
    /// Logs a user in on the portal, the way a person does: through the identity provider's page.
    ///
    /// # Errors
    /// The flow did not end on the portal with a session.
    pub fn log_in(stage: &Stage, user: &str) -> Result<Self> {
        let browser = Self {
            http: stage.http.clone(),
            portal: stage.portal(),
            floor: stage.floor(),
            jar: RefCell::default(),
        };
        let page = browser.visit(&format!("{}/login", browser.portal))?;
        let mut fields = hidden_fields(&page.body);
        fields.push(("username".into(), user.into()));
        fields.push(("password".into(), user.into()));
        let target = page.url.join("/authorize")?;
        let page = browser.submit(&page.url, target, &fields)?;
        if page.url.as_str() != format!("{}/", browser.portal) {
            return Err(format!("the login of {user} ended with {}", page.verdict()).into());
        }
        Ok(browser)
    }

    /// Asks floor to take the session over, as floor's own page does; returns the form the portal answers with.
    ///
    /// # Errors
    /// The portal gave no form.
    pub fn start_handoff(&self) -> Result<(Answer, Vec<(String, String)>)> {
        let floor = Url::parse(&self.floor)?;
        let page = self.submit(&floor, floor.join("/handoff/start")?, &[])?;
        let fields = hidden_fields(&page.body);
        if page.status != 200 || !fields.iter().any(|(name, _)| name == "ticket") {
            return Err(format!("the portal gave no ticket: {}", page.verdict()).into());
        }
        Ok((page, fields))
    }

    /// Hands the ticket to floor, as the portal's page does.
    ///
    /// # Errors
    /// The bridge cannot be reached.
    pub fn redeem(&self, from: &Answer, fields: &[(String, String)]) -> Result<Answer> {
        let target = Url::parse(&self.floor)?.join("/handoff/redeem")?;
        self.send(self.form(&from.url, target, fields))
    }

    /// The whole handoff from portal to floor.
    ///
    /// # Errors
    /// It did not end with a session on floor.
    pub fn hand_off(&self) -> Result<()> {
        let (page, fields) = self.start_handoff()?;
        let answer = self.redeem(&page, &fields)?;
        if answer.status != 303 {
            return Err(format!("floor answered the handoff with {}", answer.verdict()).into());
        }
        Ok(())
    }

    /// A call of a page on the portal.
    ///
    /// # Errors
    /// The bridge cannot be reached.
    pub fn on_portal(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.send(self.call(&self.portal, method, path, body)?)
    }

    /// A call of a page on floor.
    ///
    /// # Errors
    /// The bridge cannot be reached.
    pub fn on_floor(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.send(self.call(&self.floor, method, path, body)?)
    }

    /// A request of the portal's page for its stream of events, not sent yet.
    ///
    /// # Errors
    /// The address is none.
    pub fn events_of_portal(&self) -> Result<RequestBuilder> {
        self.call(&self.portal, Method::GET, "/api/events", None)
    }

    /// The same of floor's page.
    ///
    /// # Errors
    /// The address is none.
    pub fn events_of_floor(&self) -> Result<RequestBuilder> {
        self.call(&self.floor, Method::GET, "/api/events", None)
    }

    /// Copies the cookies, as a thief of the whole profile would.
    pub fn jar(&self) -> Jar {
        self.jar.borrow().clone()
    }

    /// Puts copied cookies back.
    pub fn restore(&self, jar: Jar) {
        self.jar.replace(jar);
    }

    fn visit(&self, address: &str) -> Result<Answer> {
        self.follow(self.send(self.request(Method::GET, Url::parse(address)?))?)
    }

    fn submit(&self, from: &Url, target: Url, fields: &[(String, String)]) -> Result<Answer> {
        self.follow(self.send(self.form(from, target, fields))?)
    }

    /// The page that was arrived at, after all redirections.
    fn follow(&self, mut answer: Answer) -> Result<Answer> {
        while let (200 | 303, Some(location)) = (answer.status, &answer.location) {
            let url = answer.url.join(location)?;
            answer = self.send(self.request(Method::GET, url))?;
        }
        Ok(answer)
    }

    fn call(&self, origin: &str, method: Method, path: &str, body: Option<&Value>) -> Result<RequestBuilder> {
        let request = self
            .request(method, Url::parse(origin)?.join(path)?)
            .header("Origin", origin)
            .header("Sec-Fetch-Site", "same-origin");
        Ok(match body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    fn form(&self, from: &Url, target: Url, fields: &[(String, String)]) -> RequestBuilder {
        let is_same = from.origin() == target.origin();
        self.request(Method::POST, target)
            .header("Origin", from.origin().ascii_serialization())
            .header(
                "Sec-Fetch-Site",
                if is_same { "same-origin" } else { "cross-site" },
            )
            .form(fields)
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let host = url.host_str().unwrap_or_default().to_owned();
        let jar = self.jar.borrow();
        let cookies = jar.iter().filter(|((owner, _), _)| *owner == host);
        let header: Vec<_> = cookies
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let request = self.http.request(method, url);
        if header.is_empty() {
            request
        } else {
            request.header("Cookie", header.join("; "))
        }
    }

    fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let answer = send(request)?;
        let host = answer.url.host_str().unwrap_or_default();
        for cookie in &answer.cookies {
            let (pair, flags) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = (host.to_owned(), name.trim().to_owned());
            if value.is_empty() || flags.to_ascii_lowercase().contains("max-age=0") {
                self.jar.borrow_mut().remove(&key);
            } else {
                self.jar.borrow_mut().insert(key, value.to_owned());
            }
        }
        Ok(answer)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A session that cannot be ended here ends by its own clocks.
        let _answer = self.on_portal(Method::POST, "/logout", None);
    }
}
