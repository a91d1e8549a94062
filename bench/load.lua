-- Requests for wrk: a random thread in every path, the bodies of a file by turns. Arguments after `--`:
-- path with {thread} in it, file of thread ids, file of bodies (one a line; "-" for GET).
local paths, bodies = {}, {}
local turn = 0

local function lines_of(name)
  local found = {}
  for line in io.lines(name) do
    found[#found + 1] = line
  end
  return found
end

function init(arguments)
  math.randomseed(os.time())
  wrk.headers["Accept"] = "application/json"
  wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
  if arguments[3] ~= "-" then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    bodies = lines_of(arguments[3])
  end
  for index, id in ipairs(lines_of(arguments[2])) do
    paths[index] = arguments[1]:gsub("{thread}", id)
  end
end

function request()
  turn = turn + 1
  local path = paths[math.random(#paths)]
  return wrk.format(nil, path, nil, bodies[turn % math.max(1, #bodies) + 1])
end

function done(summary, latency, _)
  local errors = summary.errors
  local line = '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "bytes": %d, "errors": %d}'
  io.write("RESULT " .. line:format(
    summary.requests,
    summary.duration / 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    summary.bytes,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout
  ) .. "\n")
end
