-- What wrk sends in one row of the server's benchmark: wrk … -s server_load.lua ADDRESS -- ROW IDS_FILE OFFSET EXPERIMENT
-- Points are new ones in every request: OFFSET differs from call to call, so that no server is spared a write by having them already.

local row, file, offset, experiment
local ids, count = {}, 0
local json = { ["Content-Type"] = "application/json" }
local api = "/api/2.0/mlflow/"

function init(args)
  row, file, offset, experiment = args[1], args[2], tonumber(args[3]), args[4]
  for line in io.lines(file) do ids[#ids + 1] = line end
end

local function run_id()
  return ids[count % #ids + 1]
end

local function point(number, key)
  local at = offset + number
  return string.format('{"key":"metric_%d","value":%.6f,"timestamp":%d,"step":%d}', key, (at % 9973) / 9973, 1700000000000 + at, at)
end

local rows = {}

rows["log-metric"] = function()
  local at = offset + count
  local text = '{"run_uuid":"%s","run_id":"%s","key":"metric_%d","value":%.6f,"timestamp":%d,"step":%d}'
  local id = run_id()
  return wrk.format("POST", api .. "runs/log-metric", json, text:format(id, id, at % 10, (at % 9973) / 9973, 1700000000000 + at, at))
end

rows["log-batch"] = function()
  local points = {}
  for number = 0, 99 do points[#points + 1] = point(count * 100 + number, number % 10) end
  local body = string.format('{"run_id":"%s","metrics":[%s],"params":[],"tags":[]}', run_id(), table.concat(points, ","))
  return wrk.format("POST", api .. "runs/log-batch", json, body)
end

rows["create-run"] = function()
  local tags = '[{"key":"mlflow.user","value":"ada"},{"key":"mlflow.source.name","value":"train.py"},{"key":"mlflow.source.type","value":"LOCAL"}]'
  local text = '{"experiment_id":"%s","user_id":"ada","start_time":%d,"tags":%s}'
  return wrk.format("POST", api .. "runs/create", json, text:format(experiment, 1700000000000 + offset + count, tags))
end

rows["get-run"] = function()
  local id = run_id()
  return wrk.format("GET", api .. "runs/get?run_uuid=" .. id .. "&run_id=" .. id)
end

rows["search"] = function()
  local text = '{"experiment_ids":["0"],"filter":"metrics.metric_3 > 0.5 and params.param_1 = \'value %d\'","order_by":["metrics.metric_0 DESC"],"max_results":100}'
  return wrk.format("POST", api .. "runs/search", json, text:format(count % 5))
end

rows["newest"] = function()
  return wrk.format("POST", api .. "runs/search", json, '{"experiment_ids":["0"],"max_results":100}')
end

rows["history"] = function()
  local path = "metrics/get-history?run_id=%s&run_uuid=%s&metric_key=half&max_results=25000"
  return wrk.format("GET", api .. path:format(ids[1], ids[1]))
end

function request()
  count = count + 1
  return rows[row]()
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local text = '{"requests":%d,"seconds":%.4f,"failed":%d,"p99_ms":%.3f,"max_ms":%.3f}\n'
  io.write(text:format(summary.requests, summary.duration / 1e6, failed, latency:percentile(99) / 1e3, latency.max / 1e3))
end
