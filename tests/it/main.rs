//! One binary with every test, so that they share one server. Each topic is a file, each attack a file under `attack`.

#[cfg(test)]
mod application_context;
#[cfg(test)]
mod attack;
#[cfg(test)]
mod audit_columns;
#[cfg(test)]
mod audit_trail;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod bad_policy;
#[cfg(test)]
mod bad_session;
#[cfg(test)]
mod bridge;
#[cfg(test)]
mod browser;
mod brute_force;
#[cfg(test)]
mod captured_names;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod changed_types;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod context;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod csv_load;
#[cfg(test)]
mod data_roles;
#[cfg(test)]
mod dbms_rls;
#[cfg(test)]
mod definition_order;
#[cfg(test)]
mod delegation;
#[cfg(test)]
mod dictionary;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod dump;
#[cfg(test)]
mod entitlements;
#[cfg(test)]
mod exemptions;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod freshness;
#[cfg(test)]
mod global_context;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hierarchies;
#[cfg(test)]
mod hoisting;
#[cfg(test)]
mod identity_token;
mod injection;
#[cfg(test)]
mod injection_definitions;
#[cfg(test)]
mod install;
#[cfg(test)]
mod integrity;
#[cfg(test)]
mod jazn;
#[cfg(test)]
mod keys_sync;
#[cfg(test)]
mod live_authority;
#[cfg(test)]
mod masks;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod oidc_provider;
#[cfg(test)]
mod oracle_import;
#[cfg(test)]
mod oracle_vpd;
#[cfg(test)]
mod own_identity;
#[cfg(test)]
mod own_plans;
mod own_plans_roles;
mod own_plans_shape;
#[cfg(test)]
mod partitions;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod policy_functions;
#[cfg(test)]
mod policy_groups;
#[cfg(test)]
mod policy_store;
#[cfg(test)]
mod policy_store_whole;
#[cfg(test)]
mod policy_versions;
#[cfg(test)]
mod posture;
#[cfg(test)]
mod profiles;
mod provider_logout;
#[cfg(test)]
mod purchase_orders;
#[cfg(test)]
mod purge;
#[cfg(test)]
mod purge_costs;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod relevant_columns;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod retail_catalogue;
#[cfg(test)]
mod row_security;
#[cfg(test)]
mod sealed;
mod segregation;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod standby;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod statistics;
#[cfg(test)]
mod task_access;
#[cfg(test)]
mod tickets;
#[cfg(test)]
mod token_vectors;
#[cfg(test)]
mod userenv;
