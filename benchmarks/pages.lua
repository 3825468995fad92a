-- What wrk asks for: each time another visitor and, for all of them, one goal after the other.

local asked

function init(arguments)
  asked = tonumber(arguments[1])
end

function request()
  local goal, visitor = math.floor(asked / 100), asked % 100
  asked = asked + 1
  wrk.headers["Cookie"] = string.format("vwo_visitor=%032x", visitor)
  return wrk.format("GET", string.format("%s?goal=goal-%d", wrk.path, goal))
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\n{"count": %d, "failed": %d, "quick": %d, "median": %d}\n',
    summary.requests, failed, latency:percentile(10), latency:percentile(50)
  ))
end
