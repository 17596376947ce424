/** Data of the server that a component shows: asked for when its key changes, and again when the store has changed. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Failure } from "./api";
import { changes } from "./live";

export interface Resource<T> {
  readonly data: T | undefined;
  readonly failure: Failure | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

interface State<T> {
  key: string;
  data: T | undefined;
  failure: Failure | undefined;
  isLoading: boolean;
}

/**
 * `key` says what is asked for; while the answer to a new key is under way, the old data stays (`isLoading` is then true).
 * With `live`, a change in the store asks again.
 */
export function useResource<T>(key: string, ask: (abort: AbortSignal) => Promise<T>, { live = true } = {}): Resource<T> {
  const state = useSignal<State<T>>({ key: "", data: undefined, failure: undefined, isLoading: true });
  const asking = useRef<AbortController>(undefined);
  const latest = useRef(ask);
  latest.current = ask;

  const load = useRef(async (wanted: string) => {
    asking.current?.abort();
    const mine = (asking.current = new AbortController());
    if (state.peek().key !== wanted) state.value = { ...state.peek(), key: wanted, isLoading: true };
    try {
      const data = await latest.current(mine.signal);
      if (!mine.signal.aborted) state.value = { key: wanted, data, failure: undefined, isLoading: false };
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof Failure)) throw error;
      const lost = error.code === "LOST" && state.peek().data !== undefined;
      state.value = { ...state.peek(), key: wanted, failure: lost ? undefined : error, isLoading: false };
    }
  });

  useEffect(() => {
    void load.current(key);
    return () => asking.current?.abort();
  }, [key]);

  const tick = useComputed(() => (live ? changes.value : 0));
  const seen = useRef(tick.peek());
  useSignalEffect(() => {
    if (tick.value === seen.current) return;
    seen.current = tick.value;
    const wanted = state.peek().key;
    if (wanted) void load.current(wanted);
  });

  const { data, failure, isLoading } = state.value;
  return { data, failure, isLoading, reload: () => void load.current(key) };
}
