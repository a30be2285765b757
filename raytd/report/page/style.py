"""The style sheet of the page."""

from raytd.report.page.schemes import DARK, LIGHT, properties

STYLE = (
    f"""
:root {{ color-scheme: light dark; {properties(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {properties(DARK)} }} }}
"""
    + """
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 84rem; padding: 1rem 1.5rem; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 2.5rem 0 .5rem; font-size: 1.35rem;
  border-bottom: 1px solid var(--line); } h3 { margin: 1.5rem 0 .25rem; font-size: 1.1rem; }
h1, h2, h3, h4 { line-height: 1.25; } h4 { margin: 0 0 .25rem; font-size: 1rem; }
p, ul, dl { margin: .35rem 0; } ul { padding-left: 1.25rem; }
.text, figcaption, li { max-width: 60rem; } a { color: var(--near); }
header { display: flex; flex-wrap: wrap; gap: 0 1.5rem; align-items: baseline; }
header p { flex: 1 1 100%; } nav a { margin-right: .75rem; white-space: nowrap; }
#sources h2 { margin-top: .35rem; } sup { line-height: 0; }
.soft, small, .cards thead th, figcaption { color: var(--soft); font-size: .875rem; }
.name { display: inline-block; max-width: 100%; }
.note { border-left: .3rem solid var(--edge); background: var(--note); padding: .2rem .75rem;
  font-size: .875rem; }
.wide { overflow-x: auto; max-width: 100%; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums;
  overflow-wrap: normal; }
caption { text-align: left; font-weight: bold; padding: .5rem 0 .25rem; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 1px solid var(--ink); } tbody th { font-weight: normal; }
.list tbody tr { border-bottom: 1px solid var(--line); }
.n { text-align: right; } td.n, tbody th { white-space: nowrap; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr));
  gap: .75rem; margin: .5rem 0; }
.cards article { background: var(--card); padding: .4rem .75rem; border-radius: .3rem;
  min-width: 0; }
.cards h3 { margin: 0; }
.cards p { font-size: .875rem; line-height: 1.35; margin: .25rem 0 0; }
.cards table { width: 100%; font-size: .8125rem; line-height: 1.3; }
.cards th, .cards td { padding: .08rem .4rem .08rem 0; vertical-align: middle; }
.cards thead th { border-bottom: 0; font-size: .75rem; font-weight: normal; }
.cards .bar { width: 100%; min-width: 2.5rem; }
.track { position: relative; display: block; height: .8rem; border-left: 1px solid var(--rest); }
.track.rail { border: 0; background: linear-gradient(var(--rest), var(--rest)) center / 100% 1px
  no-repeat; }
.track i { position: absolute; inset: .1rem auto .1rem 0; background: var(--rest); }
.track i.near { background: var(--near); }
.track i.doubtful { background: repeating-linear-gradient(135deg, var(--rest) 0 2px,
  transparent 2px 5px); outline: 1px solid var(--rest); outline-offset: -1px; }
.track i.point { width: .5rem; height: .5rem; top: .15rem; margin-left: -.25rem;
  border-radius: 50%; }
.track b { position: absolute; top: 50%; height: 2px; margin-top: -1px; background: var(--ink);
  min-width: 2px; z-index: 1; box-shadow: 0 0 0 1px var(--card); }
.rail b { z-index: auto; box-shadow: none; }
.scales { display: flex; flex-wrap: wrap; gap: 0 .9rem; align-items: flex-start; }
.scales > section { max-width: 100%; min-width: 0; }
.panels { display: flex; flex-wrap: wrap; gap: 0 .9rem; }
.panels > div { min-width: 0; max-width: 100%; }
.matrix { border-collapse: separate; border-spacing: 1px; line-height: 1.2; font-size: .8125rem; }
.matrix th { padding: .2rem .3rem .2rem 0; vertical-align: middle; font-weight: normal; border: 0; }
.matrix thead th { vertical-align: bottom; text-align: center; }
.matrix .tall { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left;
  padding: .3rem 0; white-space: nowrap; }
.matrix td { min-width: 2.5rem; padding: .2rem .05rem; text-align: center; vertical-align: middle;
  border: 1px solid var(--line); white-space: nowrap; }
.matrix td small { display: block; font-size: .65625rem; color: inherit; }
.matrix sup { font-size: .625rem; }
.matrix thead td { border: 0; } .matrix .self { border: 0; background: var(--card); }
.matrix .none { background: repeating-linear-gradient(135deg, var(--line) 0 1px,
  transparent 1px 6px); }
.ruler { display: inline-block; width: 6rem; height: .7rem; vertical-align: middle;
  outline: 1px solid var(--line); }
.kinds, .figures { display: grid; gap: 0 2rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); }
.kinds > * { min-width: 0; } .kinds > .full, figure.full { grid-column: 1 / -1; }
.kinds th, .kinds td { padding-right: .4rem; font-size: .8125rem; }
.kinds tbody th { white-space: normal; } .scales p a, figcaption a { white-space: nowrap; }
figure { margin: .5rem 0; min-width: 0; }
figure img { display: block; max-width: none; height: auto; width: min(100%, var(--own));
  min-width: min(var(--own), 34rem); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1.5rem; }
dt { font-weight: bold; } dd { margin: 0; }
summary { cursor: pointer; color: var(--near); }
@media (max-width: 40rem) { body { padding: .75rem 1rem; }
  dl { grid-template-columns: minmax(0, 1fr); } dd { margin-bottom: .5rem; } }
"""
)
"""It names colours alone; `schemes` has them for light and for dark."""
