//! Sign-ins that Entra knows of, for signing out.

use std::collections::VecDeque;

use serde::Serialize;

use crate::clock::{format_ms, now_ms};

const KEPT: usize = 200;

/// One sign-in.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    /// Session index, which is the ID of the assertion.
    pub index: String,
    /// Short name of the user.
    pub user: String,
    /// As it was sent.
    pub name_id: String,
    pub signed_in: String,
    /// Who ended it: `application` or `entra`; none while it lasts.
    pub ended_by: Option<&'static str>,
    /// What the application answered to our request to end it, such as `Success`.
    pub answer: Option<String>,
}

/// The latest ones.
#[derive(Debug, Default)]
pub struct Sessions {
    list: VecDeque<Session>,
    /// The one whose end the application was asked for last.
    asked: Option<String>,
}

impl Sessions {
    /// Somebody has signed in.
    pub fn begin(&mut self, index: &str, user: &str, name_id: &str) {
        self.list.push_back(Session {
            index: index.into(),
            user: user.into(),
            name_id: name_id.into(),
            signed_in: format_ms(now_ms()),
            ended_by: None,
            answer: None,
        });
        while self.list.len() > KEPT {
            self.list.pop_front();
        }
    }

    /// All, the latest first.
    pub fn all(&self) -> impl Iterator<Item = &Session> {
        self.list.iter().rev()
    }

    /// One.
    #[must_use]
    pub fn get(&self, index: &str) -> Option<&Session> {
        self.list.iter().find(|session| session.index == index)
    }

    /// The latest one of a user that has not ended.
    #[must_use]
    pub fn latest_of(&self, user: &str) -> Option<&Session> {
        self.all().find(|session| session.user == user && session.ended_by.is_none())
    }

    /// The application says that sessions have ended: those with these indexes, or all of the name.
    pub fn ended_by_application(&mut self, indexes: &[String], name_id: &str) -> Vec<String> {
        let mut ended = Vec::new();
        for session in self.list.iter_mut().filter(|session| session.ended_by.is_none()) {
            let meant = match indexes.is_empty() {
                true => session.name_id == name_id,
                false => indexes.contains(&session.index),
            };
            if meant {
                session.ended_by = Some("application");
                ended.push(session.user.clone());
            }
        }
        ended
    }

    /// Entra ends one, and asks the application to do so as well.
    pub fn ended_by_entra(&mut self, index: &str) {
        for session in self.list.iter_mut().filter(|session| session.index == index) {
            session.ended_by = Some("entra");
            self.asked = Some(session.index.clone());
        }
    }

    /// The application answered to the last such request.
    pub fn answered(&mut self, status: &str) {
        let asked = self.asked.take();
        for session in self.list.iter_mut().filter(|session| Some(&session.index) == asked.as_ref()) {
            session.answer = Some(status.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sessions;

    #[test]
    fn sessions_end_by_index_or_by_name() {
        let mut sessions = Sessions::default();
        for (index, user) in [("_1", "ada"), ("_2", "ada"), ("_3", "bo")] {
            sessions.begin(index, user, &format!("{user}@meadow.example"));
        }
        assert_eq!(sessions.latest_of("ada").unwrap().index, "_2");
        assert_eq!(sessions.ended_by_application(&["_2".into()], "whoever"), ["ada"]);
        assert_eq!(sessions.latest_of("ada").unwrap().index, "_1");
        sessions.ended_by_entra("_3");
        sessions.answered("Success");
        assert_eq!(sessions.get("_3").unwrap().answer.as_deref(), Some("Success"));
        assert_eq!(sessions.ended_by_application(&[], "ada@meadow.example").len(), 1);
        assert!(sessions.latest_of("ada").is_none());
    }
}
