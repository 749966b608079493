//! Bridges of an undirected graph.

/// The edges of an undirected graph, by index, that lie on no cycle: Tarjan 1974 (Information Processing Letters 2:160),
/// without recursion. There is at most one edge between two nodes.
pub(crate) fn bridges(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut near: Vec<Vec<(usize, usize)>> = vec![Vec::new(); nodes];
    for (k, &(a, b)) in edges.iter().enumerate() {
        near[a].push((b, k));
        near[b].push((a, k));
    }
    let mut walk = GraphSearch { seen: vec![0; nodes], low: vec![0; nodes], time: 0, found: Vec::new() };
    for start in 0..nodes {
        if walk.seen[start] == 0 {
            walk.from(start, &near);
        }
    }
    walk.found.sort_unstable();
    walk.found
}

struct GraphSearch {
    /// When a node was first reached, from 1; 0 before.
    seen: Vec<usize>,
    /// The earliest node that is reached from it without the edge it was reached by.
    low: Vec<usize>,
    time: usize,
    found: Vec<usize>,
}

impl GraphSearch {
    fn from(&mut self, start: usize, near: &[Vec<(usize, usize)>]) {
        // Node, the edge it was reached by, the next of its edges to look at.
        let mut path = vec![(start, usize::MAX, 0)];
        self.reach(start);
        while let Some((node, by, next)) = path.last_mut() {
            if let Some(&(other, edge)) = near[*node].get(*next) {
                *next += 1;
                if edge == *by {
                    continue;
                }
                if self.seen[other] == 0 {
                    self.reach(other);
                    path.push((other, edge, 0));
                } else {
                    self.low[*node] = self.low[*node].min(self.seen[other]);
                }
                continue;
            }
            let (node, by) = (*node, *by);
            path.pop();
            if let Some((parent, _, _)) = path.last() {
                self.low[*parent] = self.low[*parent].min(self.low[node]);
                if self.low[node] > self.seen[*parent] {
                    self.found.push(by);
                }
            }
        }
    }

    fn reach(&mut self, node: usize) {
        self.time += 1;
        self.seen[node] = self.time;
        self.low[node] = self.time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_triangles_and_what_joins_them() {
        let edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3), (5, 6)];
        assert_eq!(bridges(8, &edges), [3, 7]);
    }
}
