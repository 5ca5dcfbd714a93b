-- What wrk asks for: one path, with the cookies of a file in random order, or none.
local requests = {}

function init(args)
  local path, file = args[1], args[2]
  if file then
    for cookie in io.lines(file) do
      requests[#requests + 1] = wrk.format('GET', path, { Host = 'bench', Cookie = cookie })
    end
  else
    requests[1] = wrk.format('GET', path, { Host = 'bench' })
  end
  math.randomseed(os.time())
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
