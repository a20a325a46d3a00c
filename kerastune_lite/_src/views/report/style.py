"""How a report looks, on light and on dark screens and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --quiet: #626a73; --paper: #fff;
  --line: #d9dde2; --accent: #1769aa; --best: #c8321f; --warn: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --quiet: #9aa3ad; --paper: #16191d;
  --line: #353b42; --accent: #64aee6; --best: #ff7b68; --warn: #40351a; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; border-bottom: 1px solid var(--line); }
.quiet, footer, figcaption { color: var(--quiet); font-size: .88rem; }
footer { margin-top: 2.5rem; }
.warn { background: var(--warn); padding: .5rem .8rem; border-radius: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: left; color: var(--quiet); font-weight: 500; }
th, td { padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; }
th:first-child, td:first-child { white-space: nowrap; }
table + table, div + div { margin-top: .8rem; }
table.numbers th, table.numbers td { text-align: right; white-space: nowrap; }
pre { background: color-mix(in srgb, var(--line) 45%, transparent); padding: .8rem;
  border-radius: 4px; overflow-x: auto; font-size: .88rem; }
figure { margin: .5rem 0; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--quiet); }
svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; }
svg path { fill: none; }
svg circle { fill: var(--accent); fill-opacity: .55; }
svg circle.other { fill-opacity: .25; }
svg circle.best { fill: var(--best); fill-opacity: .9; stroke: none; }
svg rect { fill: var(--accent); }
svg .error { stroke: var(--ink); }
svg .grid { stroke: var(--line); }
svg .curve { stroke: color-mix(in srgb, var(--accent) var(--good), var(--line));
  stroke-opacity: .7; }
svg .curve:hover { stroke: var(--ink); stroke-width: 2.5; }
svg .band { fill: var(--quiet); fill-opacity: .18; stroke: none; pointer-events: none; }
svg .median { stroke: var(--quiet); stroke-width: 2; }
svg .best { stroke: var(--best); stroke-width: 2; }
@media print { main { max-width: none; } h2, figure { break-after: avoid; } }
"""
