/** The server's JSON, as far as pages read it. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export interface Experiment {
  readonly experiment_id: string;
  readonly name: string;
  readonly artifact_location: string;
  readonly lifecycle_stage: "active" | "deleted";
  readonly creation_time: number;
  readonly last_update_time: number;
  readonly tags?: readonly KeyValue[];
}

export interface RunInfo {
  readonly run_id: string;
  readonly run_name: string;
  readonly experiment_id: string;
  readonly user_id: string;
  readonly status: string;
  readonly start_time: number;
  readonly end_time?: number;
  readonly artifact_uri: string;
  readonly lifecycle_stage: "active" | "deleted";
}

export interface MetricPoint {
  readonly key: string;
  readonly value: number | string;
  readonly timestamp: number;
  readonly step: number;
}

export interface Run {
  readonly info: RunInfo;
  readonly data: { readonly metrics?: readonly MetricPoint[]; readonly params?: readonly KeyValue[]; readonly tags?: readonly KeyValue[] };
}

export const tagOf = (tags: readonly KeyValue[] | undefined, key: string): string => tags?.find((tag) => tag.key === key)?.value ?? "";

export const NOTE = "mlflow.note.content";
