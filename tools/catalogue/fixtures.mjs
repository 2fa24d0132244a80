// SPDX-License-Identifier: Apache-2.0
// Costs as the price package itself computes them, for the unit test of the catalogue:
// node fixtures.mjs PACKAGE_FOLDER > cost_fixtures.tsv
// Deterministic: no clock, no randomness but a fixed sequence. One line for each case:
//   provider name moment input output cache_read cache_write cache_write_1h audio_input audio_output reasoning
//   image_input image_output model nano-dollars
// The cost is exact to a thousandth of a nano-dollar; model "-" and cost "-": the package does not know the name.
import { load } from "./data.mjs";

const { api, providers } = await load(process.argv[2]);
const AUTUMN = Date.parse("2026-10-01T12:00:00Z") / 1000;
const lines = [];
const seen = new Set();

function cost(provider, name, moment, usage) {
  const cached = usage.read + usage.write + usage.write1h;
  const result = api.calcPrice(
    {
      input_tokens: usage.input,
      output_tokens: usage.output,
      cache_read_tokens: usage.read,
      cache_write_tokens: usage.write + usage.write1h,
      cache_write_1h_tokens: usage.write1h,
      input_audio_tokens: usage.ain,
      output_audio_tokens: usage.aout,
      output_reasoning_tokens: usage.reason,
      input_image_tokens: usage.iin,
      output_image_tokens: usage.iout,
    },
    name,
    { providerId: provider, timestamp: new Date(moment * 1000) },
  );
  return cached > usage.input ? undefined : result;
}

function add(provider, name, moment, part) {
  const usage = { input: 0, output: 0, read: 0, write: 0, write1h: 0, ain: 0, aout: 0, reason: 0, iin: 0, iout: 0, ...part };
  const result = cost(provider, name, moment, usage);
  const model = result ? result.model.id : "-";
  const nano = result ? (result.total_price * 1e9).toFixed(3) : "-";
  const { input, output, read, write, write1h, ain, aout, reason, iin, iout } = usage;
  const line = [provider, name, moment, input, output, read, write, write1h, ain, aout, reason, iin, iout, model, nano].join("\t");
  if (!seen.has(line)) lines.push(line);
  seen.add(line);
}

const periods = (model) => (Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }]);
const has = (model, key) => periods(model).some((period) => period.prices[key] !== undefined);

// A name that a rule matches, from the rule.
function name(rule) {
  const [kind] = Object.keys(rule);
  if (kind === "or") return name(rule.or[0]);
  if (kind === "and") return name(rule.and[0]);
  if (kind === "regex") return rule.regex.replace(/^\^|\$$/g, "").replace(/\\d\{(\d+)\}/g, (_, n) => "1".repeat(n)).replace(/\\d/g, "1").replace(/\\/g, "");
  return rule[kind] + (kind === "starts_with" ? "-x" : "");
}

function leaves(rule) {
  const [kind] = Object.keys(rule);
  return kind === "or" || kind === "and" ? rule[kind].flatMap(leaves) : [rule];
}

// Everything that prices differently: tiers, dates, hours, caches, audio, requests.
for (const provider of providers) {
  provider.models.forEach((model, index) => {
    const id = name(model.match);
    const caches = { read: 300, write: has(model, "cache_write_mtok") ? 200 : 0, write1h: has(model, "cache_write_1h_mtok") ? 100 : 0 };
    if (index % 9 === 0) add(provider.id, id, AUTUMN, { input: 1234 + index, output: 567 });
    if (has(model, "cache_read_mtok") && index % 6 === 0) add(provider.id, id, AUTUMN, { input: 1000, output: 77, ...caches });
    if (has(model, "input_audio_mtok")) add(provider.id, id, AUTUMN, { input: 1000, output: 10, ain: 400 });
    if (has(model, "output_audio_mtok")) add(provider.id, id, AUTUMN, { input: 1000, output: 500, ain: 400, aout: 300 });
    if (has(model, "output_reasoning_mtok")) add(provider.id, id, AUTUMN, { input: 1000, output: 500, reason: 300 });
    if (has(model, "input_image_mtok")) add(provider.id, id, AUTUMN, { input: 1000, output: 10, iin: 400 });
    if (has(model, "output_image_mtok")) add(provider.id, id, AUTUMN, { input: 1000, output: 1500, iout: 1290 });
    if (has(model, "requests_kcount")) add(provider.id, id, AUTUMN, { input: 10, output: 10 });
    for (const period of periods(model)) {
      for (const price of Object.values(period.prices)) {
        for (const tier of price?.tiers ?? []) {
          for (const edge of [-1, 0, 1]) add(provider.id, id, AUTUMN, { input: tier.start + edge, output: 1000, read: 100 });
        }
      }
      const { constraint } = period;
      if (constraint?.type === "start_date") {
        const begin = Date.parse(`${constraint.start_date}T00:00:00Z`) / 1000;
        for (const edge of [-1, 0, 1]) add(provider.id, id, begin + edge, { input: 1000, output: 1000 });
      } else if (constraint) {
        for (const time of [constraint.start_time, constraint.end_time]) {
          const [hours, minutes] = time.split(":").map(Number);
          const at = AUTUMN - 43200 + hours * 3600 + minutes * 60;
          for (const edge of [-1, 0, 1]) add(provider.id, id, at + edge, { input: 1000, output: 1000 });
        }
      }
    }
  });
}
// Every kind of match rule, spelt as people spell names.
for (const provider of providers) {
  const wanted = new Map();
  for (const model of provider.models) {
    for (const leaf of leaves(model.match)) {
      const [kind] = Object.keys(leaf);
      if ((wanted.get(kind) ?? 0) < (kind === "regex" ? 40 : 2)) {
        wanted.set(kind, (wanted.get(kind) ?? 0) + 1);
        const id = leaf.regex?.startsWith("^(?!") ? "gemini-2.5-pro-tts" : name(leaf);
        for (const spelling of [id, id.toUpperCase(), `${id}-20260131`, `x${id}`]) add(provider.id, spelling, AUTUMN, { input: 1000, output: 100 });
      }
    }
  }
}
for (const [provider, id] of [
  ["openai", "no-such-model"],
  ["azure", "claude-sonnet-4-5"],
  ["azure", "grok-4.3"],
  ["google", "claude-sonnet-4-5@20250929"],
  ["google", "gemini-2.5-pro-preview-tts"],
  ["google", "gemini-2.5-pro"],
  ["openai", "gpt-4o-20240806"],
  ["openai", "gpt-4o-2024-08-06"],
  ["openai", "gpt-4o-20240231"],
  ["openai", "gpt-5.4-20260305"],
  ["openai", " GPT-4o-Mini "],
  ["openrouter", "openai/gpt-4"],
  ["openrouter", "anthropic/claude-3-haiku"],
  ["mistral", "mistral-large-latest"],
  ["deepseek", "deepseek-v4-flash"],
]) {
  add(provider, id, AUTUMN, { input: 100000, output: 20000 });
}
process.stdout.write(lines.join("\n") + "\n");
