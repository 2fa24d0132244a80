-- SPDX-License-Identifier: Apache-2.0
-- Fills PostgreSQL as three nodes would have: N calls of 1,000 keys in 90 days, few of which make
-- most calls, with their attempts, sums and spending. To see how long reports take, with a node:
--   sluice cluster status -c sluice.yaml      (makes the tables)
--   psql ... -v ON_ERROR_STOP=1 -v n=10000000 -f tests/cluster/ten_million.sql
--   curl --unix-socket ledger.db.sock 'http://localhost/sluice/v1/report?by=key&days=91'
SET search_path = sluice;
SET synchronous_commit = off;
SET work_mem = '512MB';
INSERT INTO nodes(name, instance, version)
    VALUES ('filled2', 'filled2', '0'), ('filled3', 'filled3', '0') ON CONFLICT DO NOTHING;
CREATE TEMP TABLE span AS
    SELECT (extract(epoch FROM now())::bigint - 90 * 86400) * 1000000000 AS first_ns;
INSERT INTO calls(node, id, started_ns, key_id, key, user_id, team_id, organisation_id, tag,
    endpoint, asked_model, route, target, provider, model, task, tier, complexity, streamed,
    status, error, attempts, cost_nd, baseline_nd, baseline, input_tokens, output_tokens,
    expected_nd, first_byte_us, total_us, complete, estimated, baseline_offer, menu, expected)
SELECT 1 + i % 3,
    (lpad(to_hex(ns / 1000000), 12, '0') || '7' || lpad(to_hex((random() * 4095)::int), 3, '0')
        || '8' || lpad(to_hex((random() * 4095)::int), 3, '0') || lpad(to_hex(i), 12, '0'))::uuid,
    ns, k, 'key-' || lpad(k::text, 3, '0'), 1 + k % 300, 1 + k % 40, 1 + k % 8,
    CASE WHEN i % 5 = 0 THEN 'tag-' || i % 10 ELSE '' END, '/v1/chat/completions', 'auto',
    'route-' || i % 5, 'target-' || lpad(t::text, 3, '0'),
    (ARRAY['openai', 'anthropic', 'google', 'openrouter', 'deepseek', 'ollama'])[1 + t % 6],
    'model-' || t, 'task-' || i * 7 % 27, 'mid', 500, i % 2 = 0, 200, '',
    CASE WHEN i % 10 = 0 THEN 2 ELSE 1 END, c, c * 3, 'target-023', 500 + i % 1000,
    100 + i % 300, c, 300000, 2000000, i % 50 <> 0, i % 20 = 0, 1 + t,
    decode(repeat('0123456789abcdef', 12), 'hex'), decode(repeat('01234567', 8), 'hex')
FROM (SELECT i, (i * 13) % 24 AS t, (1000 + i % 50000) * 100 AS c,
        1 + floor(1000 * random() ^ 3)::bigint AS k,
        (SELECT first_ns FROM span) + i * (90::bigint * 86400 * 1000000000 / :n)
            + (random() * 1000)::bigint AS ns
    FROM generate_series(0::bigint, :n - 1) i) g;
INSERT INTO attempts(node, call, attempt, settled_ns, held_nd, cost_nd, key_id, outcome, status,
    target, provider, model, lane, error, reported, priced, input, output, cache_read,
    cache_write, cache_write_1h, reasoning, audio_input, audio_output, first_byte_us, total_us,
    basis, purpose, offer, expected_input, expected_output, high_output, expected_nd, expected_ms)
SELECT node, id, a, started_ns + 2000000000, cost_nd * 2,
    CASE WHEN a = attempts THEN cost_nd ELSE 0 END, key_id,
    CASE WHEN a = attempts THEN 'ok' ELSE 'failed' END, 200, target, provider, model, 'verbatim',
    '', true, true, input_tokens, output_tokens, 0, 0, 0, 0, 0, 0, 300000, 2000000, 0, 0,
    baseline_offer, input_tokens, output_tokens, output_tokens * 2, cost_nd, 2000
FROM calls, generate_series(1, attempts) a;
INSERT INTO rollups(dimension, hour, name, node, calls, failed, input_tokens, output_tokens,
    cost_nd, baseline_nd, estimated)
SELECT d, h, n, node, sum(calls), sum(f), sum(i), sum(o), sum(c), sum(b), sum(e)
FROM (SELECT started_ns / 3600000000000 AS h, node, key, task, route, tag, user_id, team_id,
        organisation_id, model, provider, target, count(*) AS calls,
        sum((NOT complete)::int) AS f, sum(input_tokens) AS i, sum(output_tokens) AS o,
        sum(cost_nd) AS c, sum(baseline_nd) AS b, sum(estimated::int) AS e
    FROM calls GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) g,
    LATERAL (VALUES ('day', ''), ('key', key), ('task', task), ('route', route), ('tag', tag),
        ('user', user_id::text), ('team', team_id::text), ('model', model),
        ('organisation', organisation_id::text), ('provider', provider), ('target', target)
    ) v(d, n)
WHERE NOT (d = 'tag' AND n = '') GROUP BY 1, 2, 3, 4 ORDER BY 2, 1, 3, 4;
INSERT INTO rollups_day(dimension, day, name, node, calls, failed, input_tokens, output_tokens,
    cost_nd, baseline_nd, estimated)
SELECT dimension, hour / 24, name, node, sum(calls), sum(failed), sum(input_tokens),
    sum(output_tokens), sum(cost_nd), sum(baseline_nd), sum(estimated)
FROM rollups GROUP BY 1, 2, 3, 4 ORDER BY 2, 1, 3, 4;
INSERT INTO spend(kind, scope, model, bucket_s, node, cost_nd)
SELECT d, n, '', q, node, sum(c)
FROM (SELECT started_ns / 1000000000 / 900 * 900 AS q, node, key_id, user_id, team_id,
        organisation_id, sum(cost_nd) AS c
    FROM calls GROUP BY 1, 2, 3, 4, 5, 6) g,
    LATERAL (VALUES ('key', key_id), ('user', user_id), ('team', team_id),
        ('organisation', organisation_id)) v(d, n)
GROUP BY 1, 2, 4, 5;
INSERT INTO shipped(node, seq) VALUES (1, 1), (2, 1), (3, 1) ON CONFLICT DO NOTHING;
VACUUM ANALYZE;
