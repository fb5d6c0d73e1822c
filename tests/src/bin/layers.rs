//! Reads which file uses which, and compares that with the layers that are allowed.
//!
//! A room is a folder or file right below the source folder of a crate. `.ci/layers` lists the rooms from the ground up, each with the rooms that it may
//! use; a room that the source folder does not have is a crate beside it. Any other edge between rooms is a failure, and so is a circle between files. Names are
//! followed through `pub use` to the file that has them.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use syn::{Item, UseTree};

type Failure = Box<dyn std::error::Error>;
/// Segments of a path from the root of the crate; of a module, from there as well.
type Name = Vec<String>;

fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments
        .next()
        .ok_or("usage: layers SOURCE-FOLDER [LAYERS-FILE]")?;
    let allowed = match arguments.next() {
        Some(file) => allowed(&std::fs::read_to_string(file)?)?,
        None => BTreeMap::new(),
    };
    let edges = Crate::read(Path::new(&source), allowed.keys())?.edges();
    let mut faults = circles(&edges);
    if !allowed.is_empty() {
        faults.extend(forbidden(&edges, &allowed));
    }
    for fault in &faults {
        println!("{source}: {fault}");
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Which rooms each room may use. A room uses those that stand above it in the file, so that the file cannot hold a circle.
fn allowed(text: &str) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let mut rooms = BTreeMap::new();
    for line in text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
    {
        let (room, used) = line
            .split_once(':')
            .ok_or_else(|| format!("no room in \"{line}\""))?;
        let used: BTreeSet<String> = used.split_whitespace().map(str::to_owned).collect();
        if let Some(unknown) = used.iter().find(|used| !rooms.contains_key(*used)) {
            return Err(format!("{room} uses {unknown}, which does not stand above it").into());
        }
        rooms.insert(room.trim().to_owned(), used);
    }
    Ok(rooms)
}

type Edges = BTreeMap<Name, BTreeSet<Name>>;

fn forbidden(edges: &Edges, allowed: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    for (from, used) in edges {
        let Some(room) = from.first() else { continue };
        let Some(may) = allowed.get(room) else {
            faults.push(format!("{room} has no place in the list of layers"));
            continue;
        };
        for to in used.iter().filter(|to| to.first() != Some(room)) {
            if to.first().is_some_and(|other| !may.contains(other)) {
                faults.push(format!("{} may not use {}", from.join("/"), to.join("/")));
            }
        }
    }
    for (room, may) in allowed {
        let of_room = edges.iter().filter(|(from, _)| from.first() == Some(room));
        let used: BTreeSet<&String> = of_room
            .flat_map(|(_, used)| used.iter().filter_map(|to| to.first()))
            .collect();
        faults.extend(
            may.iter()
                .filter(|other| !used.contains(other))
                .map(|other| format!("{room} may use {other} and does not")),
        );
    }
    faults
}

/// Files that lead back to themselves: one line for each knot, with its members. A module and the files below it are told apart.
fn circles(edges: &Edges) -> Vec<String> {
    let reached: BTreeMap<&Name, BTreeSet<&Name>> =
        edges.keys().map(|file| (file, reach(edges, file))).collect();
    let mut told: BTreeSet<&Name> = BTreeSet::new();
    let mut faults = Vec::new();
    for (file, around) in &reached {
        let knot: Vec<&Name> = around
            .iter()
            .copied()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
            .collect();
        if knot.len() > 1 && told.insert(file) {
            told.extend(&knot);
            let within: Vec<String> = knot
                .iter()
                .flat_map(|from| {
                    let used = edges.get(*from).into_iter().flatten();
                    used.filter(|to| knot.contains(to))
                        .map(|to| format!("    {} -> {}", from.join("/"), to.join("/")))
                })
                .collect();
            faults.push(format!(
                "a circle of {} files:\n{}",
                knot.len(),
                within.join("\n")
            ));
        }
    }
    faults
}

fn reach<'a>(edges: &'a Edges, from: &'a Name) -> BTreeSet<&'a Name> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for to in edges.get(file).into_iter().flatten() {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}

/// What a file says of names.
#[derive(Default)]
struct Module {
    /// What names mean that `use` brings in, as it stands there.
    brought: BTreeMap<String, Name>,
    /// Those that others may use from here.
    passed_on: BTreeSet<String>,
    /// Paths in its code.
    paths: BTreeSet<Name>,
}

struct Crate {
    modules: BTreeMap<Name, Module>,
    /// Crates beside it that count as rooms.
    others: BTreeSet<String>,
}

impl Crate {
    fn read<'a>(source: &Path, rooms: impl Iterator<Item = &'a String>) -> Result<Self, Failure> {
        let mut modules = BTreeMap::new();
        let mut folders = vec![source.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = std::fs::read_to_string(&path)?;
                    let file =
                        syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))?;
                    modules.insert(name_of(source, &path), Module::of(file.items));
                }
            }
        }
        let is_here = |room: &String| modules.keys().any(|name| name.first() == Some(room));
        let others = rooms.filter(|room| !is_here(room)).cloned().collect();
        Ok(Self { modules, others })
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (name, module) in &self.modules {
            // The root wires everything together.
            if name.is_empty() {
                continue;
            }
            let brought = module
                .brought
                .iter()
                .filter(|(alias, _)| !module.passed_on.contains(*alias));
            let used = brought.map(|(_, path)| path).chain(&module.paths);
            edges.insert(
                name.clone(),
                used.filter_map(|path| self.file_of(&self.absolute(name, path)?))
                    .filter(|to| to != name && !to.is_empty())
                    .collect(),
            );
        }
        edges
    }

    /// A path from the root; of another crate that counts as a room its name, `None` for what the rest has.
    fn absolute(&self, module: &Name, path: &[String]) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        let below = |base: &[String], rest: &[String]| Some([base, rest].concat());
        match first.as_str() {
            "crate" => below(&[], rest),
            "self" => below(module, rest),
            "super" => {
                let mut path = ["self".to_owned()].to_vec();
                path.extend_from_slice(rest);
                self.absolute(&module[..module.len().checked_sub(1)?].to_vec(), &path)
            }
            other if self.others.contains(other) => Some(vec![first.clone()]),
            _ => {
                let child = [module.as_slice(), std::slice::from_ref(first)].concat();
                if self.modules.contains_key(&child) {
                    return below(&child, rest);
                }
                let meaning = self.modules.get(module)?.brought.get(first)?;
                if meaning.first() == Some(first) {
                    return None;
                }
                below(&self.absolute(module, meaning)?, rest)
            }
        }
    }

    /// The file that has what a path names.
    fn file_of(&self, path: &[String]) -> Option<Name> {
        if let Some(other) = path.first().filter(|first| self.others.contains(*first)) {
            return Some(vec![other.clone()]);
        }
        let depth = (0..=path.len())
            .rev()
            .find(|depth| self.modules.contains_key(&path[..*depth]))?;
        let (file, rest) = path.split_at(depth);
        let file = file.to_vec();
        let module = self.modules.get(&file)?;
        match rest.first() {
            Some(name) if module.passed_on.contains(name) => {
                let meaning = module.brought.get(name)?;
                let onward = [self.absolute(&file, meaning)?.as_slice(), &rest[1..]].concat();
                self.file_of(&onward)
            }
            _ => Some(file),
        }
    }
}

/// `policy/mask.rs` and `policy/mask/mod.rs` are `policy/mask`; the root has the empty name.
fn name_of(source: &Path, file: &Path) -> Name {
    let relative: PathBuf = file.strip_prefix(source).unwrap_or(file).with_extension("");
    let mut name: Name = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if matches!(name.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        name.pop();
    }
    name
}

impl Module {
    fn of(items: Vec<Item>) -> Self {
        let mut module = Self::default();
        for item in items.into_iter().filter(|item| !is_test(item)) {
            if let Item::Use(item) = item {
                let is_passed_on = !matches!(item.vis, syn::Visibility::Inherited);
                module.bring(&item.tree, Vec::new(), is_passed_on);
            } else {
                module.collect(item.to_token_stream());
            }
        }
        module
    }

    fn bring(&mut self, tree: &UseTree, mut path: Name, is_passed_on: bool) {
        let (alias, path) = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.bring(&inner.tree, path, is_passed_on);
            }
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|inner| self.bring(inner, path.clone(), is_passed_on));
            }
            UseTree::Glob(_) => ("*".to_owned(), path),
            UseTree::Name(name) if name.ident == "self" => (path.last().cloned().unwrap_or_default(), path),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                (name.ident.to_string(), path)
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                (rename.rename.to_string(), path)
            }
        };
        if is_passed_on {
            self.passed_on.insert(alias.clone());
        }
        self.brought.insert(alias, path);
    }

    /// Paths of two segments or more, in macros as well.
    fn collect(&mut self, tokens: TokenStream) {
        let mut path: Name = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.keep(&mut path);
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                other => {
                    self.keep(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.collect(group.stream());
                    }
                }
            }
        }
        self.keep(&mut path);
    }

    fn keep(&mut self, path: &mut Name) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }
}

/// True for what is compiled for tests only: the pure tests of a file may look around more freely.
fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.to_token_stream().to_string().contains("test")
    })
}
