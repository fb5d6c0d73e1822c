//! Queries as the planner gets them, rewritten and with the policies of every table in place: what depends on the whole statement is
//! settled here.

pub mod relevance;
