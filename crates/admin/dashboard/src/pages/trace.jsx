// One trace: its flows as they come, and one of them drawn.

import { useEffect, useMemo, useState } from 'preact/hooks';

import { part } from '../lib/api.js';
import { bytes, count, micros, plural, seconds, share, words } from '../lib/format.js';
import { delay, stream } from '../lib/live.js';
import { usePages, useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { arrange } from '../diagram/flow.js';
import { fanout } from '../diagram/fanout.js';
import { mermaid } from '../diagram/mermaid.js';
import { sequence } from '../diagram/sequence.js';
import { svgText } from '../diagram/scene.js';
import { waterfall } from '../diagram/waterfall.js';
import { Change, notice } from '../ui/controls.jsx';
import { Facts, Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Copy, Drawing, Save } from '../ui/scene.jsx';
import { Pager } from '../ui/table.jsx';
import { Client, Foreign, Mark, Pid, Time } from '../ui/text.jsx';
import { ended, wanted } from './traces.jsx';

// Flows of a page: each is drawn from what its page has brought, all its hops.
const FLOWS = 25;
const AGAIN_MILLIS = 2000;

export function Trace({ id, chosen }) {
  const trace = useResource(`traces/${part(id)}`, { every: 2000 });
  const flows = usePages(`traces/${part(id)}/flows`, { limit: FLOWS, by: 'after' });
  useLive(id, trace, flows);
  const { data } = trace;
  const items = latest(flows.items ?? []);
  const flow = items.find((one) => String(one.flow) === chosen) ?? items[0];
  const actions = (
    <>
      <a href={to('traces')}>All traces</a>
      <Change
        label={data?.state === 'running' ? 'Stop' : 'Remove'}
        confirm={data?.state === 'running' ? 'Stop this trace?' : 'Remove this trace and what it has caught?'}
        request={[`traces/${part(id)}`, { method: 'DELETE' }]}
        done="Done."
        onDone={trace.reload}
      />
    </>
  );
  return (
    <Page
      title={`Trace ${id}`}
      about="Each flow is one stimulus (a packet, say) and all that it has caused; choose one to see its way."
      emqttd="emqttd_trace"
      source={trace}
      hold={[trace]}
      actions={actions}
    >
      <Trouble problem={data ? null : trace.error} />
      <Facts facts={facts(data)} />
      <div class="trace">
        <Section title="Flows" aside={<Pager pages={bounded(flows)} what="flows" />}>
          <Flows flows={flows} items={items} chosen={flow} state={data?.state} />
        </Section>
        {flow ? <Flow key={flow.flow} flow={flow} /> : null}
      </div>
    </Page>
  );
}

// A flow comes again, whole, when more of it is known.
function latest(flows) {
  return [...new Map(flows.map((flow) => [flow.flow, flow])).values()];
}

// While a trace runs there is always a place to go on from, but nothing behind it yet.
function bounded(flows) {
  return { ...flows, toNext: (flows.items?.length ?? 0) < FLOWS ? null : flows.toNext };
}

// The stream says that there is something new; what is shown is read as a page, so it stays bounded. A
// stream that breaks is opened again until the trace is over.
function useLive(id, trace, flows) {
  useEffect(() => {
    const control = new AbortController();
    let timer = null;
    const reload = () => {
      timer = null;
      flows.reload();
      trace.reload();
    };
    follow(`traces/${part(id)}/live`, control.signal, () => {
      timer ??= setTimeout(reload, 300);
    });
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [id]);
}

async function follow(path, signal, take) {
  let isOver = false;
  while (!isOver && !signal.aborted) {
    const problem = await stream(path, {}, signal, ({ name }) => {
      isOver ||= name === 'trace';
      if (name !== 'open') take();
    });
    isOver ||= problem?.status === 404 || problem?.status === 401;
    if (!isOver) await delay(AGAIN_MILLIS, signal);
  }
}

function facts(trace) {
  const say = (value) => trace && value(trace);
  const of = (key, format) =>
    say(({ spent, budget }) => (
      <>
        {format(spent?.[key])} <span class="muted">of {format(budget?.[key])}</span>
      </>
    ));
  return [
    ['Follows', say((one) => <span title={wanted(one.wants)}>{wanted(one.wants)}</span>)],
    ['State', say((one) => (one.state === 'running' ? <Mark kind="good">running</Mark> : ended(one)))],
    ['Started', say((one) => <Time at={one.started_at} />)],
    ['Flows', of('flows', count)],
    ['Events', of('events', count)],
    ['Size', of('bytes', bytes)],
    ['Ran for', of('seconds', seconds)],
    [
      'Cost',
      say(({ cost }) => (
        <>
          {micros(cost?.micros)} <span class="muted">{share(cost?.share)}</span>
        </>
      )),
      'What the trace itself has taken of the broker’s time',
    ],
  ];
}

function Flows({ flows, items, chosen, state }) {
  if (!flows.items) return flows.error ? <Trouble problem={flows.error} /> : <Words>Reading …</Words>;
  if (items.length === 0) {
    return (
      <Words>
        {state === 'running'
          ? 'Nothing has come by yet. Have a client publish, subscribe or connect; it appears here by itself.'
          : 'Nothing came by while it ran.'}
      </Words>
    );
  }
  return (
    <ul class="flows">
      {items.map((flow) => (
        <li key={flow.flow}>
          <button
            type="button"
            class="plain"
            aria-pressed={flow === chosen}
            onClick={() => refine({ flow: flow.flow })}
          >
            <span>
              <strong>
                <Foreign text={flow.cause || 'flow'} max={120} />
              </strong>
            </span>
            <span class="muted number">
              <Time at={flow.started_at} millis /> · {plural(flow.hops.length, 'hop')} ·{' '}
              {micros(flow.took_micros)}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

const VIEWS = [
  ['sequence', 'Sequence', sequence],
  ['times', 'To the scale of time', waterfall],
  ['causes', 'What caused what', fanout],
];

function Flow({ flow }) {
  const [view, setView] = useState('sequence');
  const arranged = useMemo(() => arrange(flow), [flow]);
  const draw = VIEWS.find(([key]) => key === view)[2];
  const scene = useMemo(() => draw(flow, arranged), [flow, view]);
  const hidden = flow.hops.length - arranged.order.length;
  const file = `flow-${flow.flow}`;
  return (
    <Section title={`Flow ${flow.flow}`}>
      <p class="links">
        <span>
          Client <Client id={flow.client_id} />
        </span>
        {flow.topic ? (
          <span>
            topic <Foreign text={flow.topic} max={80} />
          </span>
        ) : null}
        {flow.message ? <span class="number">message {flow.message}</span> : null}
        {flow.client_id && flow.topic ? (
          <a href={to('explain', [], { client: flow.client_id, topic: flow.topic, message: flow.message })}>
            Explain
          </a>
        ) : null}
      </p>
      <div class="tabs" role="group" aria-label="How it is drawn">
        {VIEWS.map(([key, label]) => (
          <button key={key} type="button" aria-pressed={key === view} onClick={() => setView(key)}>
            {label}
          </button>
        ))}
      </div>
      <ul class="legend">
        <li>
          <span class="swatch wait" aria-hidden="true" />
          waiting in the lane
        </li>
        <li>
          <span class="swatch work" aria-hidden="true" />
          working
        </li>
        <li class="muted">
          {hidden > 0 ? `${plural(hidden, 'hop')} like the others are drawn as one` : 'each hop is drawn'}
        </li>
      </ul>
      <Drawing scene={scene} />
      <div class="buttons start">
        <Save label="Save SVG" name={`${file}.svg`} type="image/svg+xml" text={() => svgText(scene)} />
        <Save
          label="Save Mermaid"
          name={`${file}.mmd`}
          type="text/plain"
          text={() => mermaid(flow, arranged)}
        />
        <Save
          label="Save JSON"
          name={`${file}.json`}
          type="application/json"
          text={() => `${JSON.stringify(flow, null, 2)}\n`}
        />
        <Copy
          label="Copy Mermaid"
          text={() => mermaid(flow, arranged)}
          onCopied={() => notice.set({ text: 'Copied.' })}
        />
      </div>
      <Hops arranged={arranged} />
    </Section>
  );
}

function Hops({ arranged }) {
  return (
    <details class="branch">
      <summary>The same as text</summary>
      <ol class="hops">
        {arranged.byTime.map(({ hop, folded }) => (
          <li key={hop.hop}>
            <strong>{words(hop.entry)}</strong> to {hop.kind}{' '}
            {folded ? `and ${plural(folded.count - 1, 'other')}` : <Pid pid={hop.pid} />}: at{' '}
            {micros(hop.enqueued_micros)}, {micros(hop.wait_micros)} waiting behind {count(hop.depth)},{' '}
            {micros(hop.service_micros)} working
            {hop.notes?.length > 0 ? (
              <ul>
                {hop.notes.map((note, index) => (
                  <li key={index}>
                    {words(note.kind)}: <Foreign text={note.text} max={300} />{' '}
                    <span class="muted">at {micros(note.at_micros)}</span>
                  </li>
                ))}
              </ul>
            ) : null}
          </li>
        ))}
      </ol>
    </details>
  );
}
