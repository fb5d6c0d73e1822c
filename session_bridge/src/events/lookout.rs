//! Looks into the queue for many streams with one statement.
//!
//! When a thousand sessions end at once, a thousand streams want to look: whatever asks while one look is under way goes together with the
//! next. Invariant: each stream gets what its own token gives, and nothing else.

use tokio::sync::{mpsc, oneshot};

use crate::db::{DatabaseError, Pool};
use crate::vpd::Token;
use crate::vpd::message::{self, Queued};

const MAX_BATCH: usize = 500;

type Answer = oneshot::Sender<Result<Vec<Queued>, String>>;

/// Where streams ask.
#[derive(Debug, Clone)]
pub struct Lookout {
    requests: mpsc::Sender<(Token, Answer)>,
}

impl Lookout {
    /// Starts the task that looks; it ends with the last who could ask.
    pub fn start(pool: Pool) -> Self {
        let (requests, waiting) = mpsc::channel(MAX_BATCH);
        tokio::spawn(look(pool, waiting));
        Self { requests }
    }

    /// Messages waiting for a token's application, oldest first.
    pub async fn browse(&self, token: &Token) -> Result<Vec<Queued>, String> {
        let gone = || "the lookout is gone".to_owned();
        let (answer, found) = oneshot::channel();
        self.requests
            .send((token.clone(), answer))
            .await
            .map_err(|_| gone())?;
        found.await.map_err(|_| gone())?
    }
}

async fn look(pool: Pool, mut waiting: mpsc::Receiver<(Token, Answer)>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let (tokens, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let found = message::browse_all(&pool, &tokens).await;
        distribute(found, answers);
    }
}

fn distribute(found: Result<Vec<Vec<Queued>>, DatabaseError>, answers: Vec<Answer>) {
    // A stream that left meanwhile needs no answer.
    match found {
        Ok(found) => answers
            .into_iter()
            .zip(found)
            .for_each(|(answer, found)| drop(answer.send(Ok(found)))),
        Err(error) => {
            let reason = error.to_string();
            answers
                .into_iter()
                .for_each(|answer| drop(answer.send(Err(reason.clone()))));
        }
    }
}
