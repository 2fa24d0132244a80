-- SPDX-License-Identifier: Apache-2.0
-- wrk: POSTs the file named by BODY_FILE; ends with one line of JSON that the driver reads.
local file = io.open(os.getenv("BODY_FILE"), "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-benchmark"
file:close()
for name, value in (os.getenv("EXTRA_HEADERS") or ""):gmatch("([^\n:]+): ([^\n]+)") do
    wrk.headers[name] = value
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\nRESULT {"requests":%d,"seconds":%.6f,"bytes":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"errors":%d}\n',
        summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50),
        latency:percentile(90), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
