// Fields, buttons that change something, and the dialog that asks before.

import { useEffect, useRef, useState } from 'preact/hooks';

import { ask, identity } from '../lib/api.js';
import { Store, useStore } from '../lib/store.js';
import { Trouble } from './page.jsx';

/** A field to search with; `/` puts the cursor there. */
export function Search({ label, value, onChange, hint }) {
  const [text, setText] = useState(value ?? '');
  const timer = useRef(0);
  useEffect(() => setText(value ?? ''), [value]);
  const change = (next) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(next), 250);
  };
  return (
    <label class="field grow">
      <span>{label}</span>
      <input
        type="search"
        data-search
        value={text}
        placeholder={hint}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </label>
  );
}

export function Field({ label, hint, onChange, grow, ...input }) {
  return (
    <label class={grow ? 'field grow' : 'field'}>
      <span>{label}</span>
      <input
        autocomplete="off"
        spellcheck={false}
        {...input}
        placeholder={hint}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

/** `options`: `[value, text]`. */
export function Choice({ label, value, options, onChange }) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([key, text]) => (
          <option key={key} value={key} selected={key === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Check({ label, checked, onChange }) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

/** Shows its children to those who may change something. */
export function ForAdmins({ children }) {
  return useStore(identity).role === 'admin' ? children : null;
}

const question = new Store(null);
export const notice = new Store(null);

/**
 * A button that changes something in the broker: asks first, says what came of it. `request`: the
 * arguments of `ask`.
 */
export function Change({ label, confirm, detail, request, done, onDone, danger, disabled }) {
  const act = () => question.set({ label, confirm, detail, request, done, onDone, danger });
  return (
    <ForAdmins>
      <button type="button" class={danger ? 'danger' : undefined} disabled={disabled} onClick={act}>
        {label}
      </button>
    </ForAdmins>
  );
}

/** The dialog for `Change`; there is one in the page. */
export function Confirmation() {
  const asked = useStore(question);
  const dialog = useRef(null);
  const [state, setState] = useState({ isBusy: false, problem: null });
  useEffect(() => {
    setState({ isBusy: false, problem: null });
    if (asked) dialog.current.showModal();
    else dialog.current.close();
  }, [asked]);
  const go = async () => {
    setState({ isBusy: true, problem: null });
    try {
      const answer = await ask(...asked.request);
      notice.set({ text: asked.done, at: Date.now() });
      question.set(null);
      asked.onDone?.(answer);
    } catch (problem) {
      setState({ isBusy: false, problem });
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="question" onClose={() => question.set(null)}>
      <h2 id="question">{asked?.confirm ?? ''}</h2>
      {asked?.detail ? <p>{asked.detail}</p> : null}
      <Trouble problem={state.problem} />
      <div class="buttons">
        <button type="button" onClick={() => question.set(null)}>
          Cancel
        </button>
        <button
          type="button"
          class={asked?.danger ? 'danger primary' : 'primary'}
          disabled={state.isBusy}
          onClick={go}
        >
          {asked?.label ?? ''}
        </button>
      </div>
    </dialog>
  );
}

/** Tells for a few seconds what a change has done. */
export function Notice() {
  const told = useStore(notice);
  useEffect(() => {
    if (!told) return undefined;
    const timer = setTimeout(() => notice.set(null), 6000);
    return () => clearTimeout(timer);
  }, [told]);
  return (
    <div class="notice" role="status">
      {told ? <p>{told.text}</p> : null}
    </div>
  );
}

/** A form that sends; shows what was refused. */
export function Form({ send, label, children, isReady = true }) {
  const [state, setState] = useState({ isBusy: false, problem: null });
  const submit = async (event) => {
    event.preventDefault();
    setState({ isBusy: true, problem: null });
    try {
      await send();
      setState({ isBusy: false, problem: null });
    } catch (problem) {
      setState({ isBusy: false, problem });
    }
  };
  return (
    <form class="form" onSubmit={submit}>
      <div class="fields">
        {children}
        <button type="submit" class="primary" disabled={state.isBusy || !isReady}>
          {label}
        </button>
      </div>
      <Trouble problem={state.problem} />
    </form>
  );
}
