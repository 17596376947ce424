/** Runs by the value of a param, tag or metric, with how its metrics spread; a group leads to its runs. */
import { count, number, plural } from "../../format";
import { Loading, Notice } from "../../parts/notices";
import { useResource } from "../../resource";
import { loadGroups, type Asked, type Cell } from "./data";

const MOST_METRICS = 6;
const MOST_GROUPS = 500;

interface Props {
  readonly asked: Asked;
  readonly by: string;
  readonly onOpen: (value: Cell) => void;
}

export function Groups({ asked, by, onOpen }: Props) {
  const metrics = asked.columns.filter((column) => column.startsWith("metrics.")).slice(0, MOST_METRICS);
  const wanted = { ...asked, columns: metrics };
  const { data, failure } = useResource(JSON.stringify([wanted, by]), (abort) => loadGroups(wanted, by, abort));
  if (failure) return <Notice failure={failure} />;
  if (!data) return <Loading />;
  return (
    <div class="card scroll groups">
      <table class="list">
        <caption class="hidden-text">
          {plural(data.total, "run")} by {by}
        </caption>
        <thead>
          <tr>
            <th>{by}</th>
            <th class="num">Runs</th>
            {metrics.map((column) => (
              <th class="num" key={column}>
                {column.slice(column.indexOf(".") + 1)} <span class="faint">mean, least – greatest</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.groups.slice(0, MOST_GROUPS).map((group) => (
            <tr key={String(group.value)}>
              <td>
                <button class="link clip" onClick={() => onOpen(group.value)}>
                  {group.value === null ? <em>absent</em> : String(group.value)}
                </button>
              </td>
              <td class="num">{count(group.runs)}</td>
              {group.metrics.map((spread, at) => (
                <td class="num" key={metrics[at]}>
                  {spread ? (
                    <>
                      {number(spread[1])} <span class="faint small">{`${number(spread[0])} – ${number(spread[2])}`}</span>
                    </>
                  ) : (
                    "–"
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {data.groups.length > MOST_GROUPS && <p class="loading">The {MOST_GROUPS} largest of {count(data.groups.length)} groups.</p>}
    </div>
  );
}
