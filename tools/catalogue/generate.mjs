// SPDX-License-Identifier: Apache-2.0
// Writes data/catalogue/catalogue.tsv from the price package: node generate.mjs PACKAGE_FOLDER > catalogue.tsv
// The format is described at the head of the file it writes. What this program does not understand is an error: a
// price that is silently left out would be money.
import { readFileSync } from "node:fs";
import { load } from "./data.mjs";

const RATES = {
  input_mtok: "in",
  output_mtok: "out",
  cache_read_mtok: "read",
  cache_write_mtok: "write",
  cache_write_1h_mtok: "write1h",
  input_audio_mtok: "ain",
  output_audio_mtok: "aout",
  output_reasoning_mtok: "reason",
  input_image_mtok: "iin",
  output_image_mtok: "iout",
};
// Known and left out, because usage does not carry them: they are charged at the broader rate, or are no tokens at all.
const LEFT_OUT = new Set([
  "cache_audio_read_mtok",
  "cache_image_read_mtok",
  "input_video_mtok",
  "output_citation_mtok",
  "web_searches_kcount",
  "storage_searches_kcount",
  "audio_hours",
  "input_audio_hours",
  "input_document_kpages",
  "input_annotated_document_kpages",
  "input_text_messages_kcount",
]);
const MAX_TIERS = 3;

const fail = (text) => {
  throw new Error(text);
};

const plain = (text) => {
  const clean = String(text ?? "").replace(/\s+/g, " ").trim();
  return /^[\x20-\x7e]*$/.test(clean) ? clean : clean.replace(/[^\x20-\x7e]/g, "");
};

// A decimal number times 10^shift as an integer, exactly; digits below one unit round up.
function scaled(number, shift) {
  const [mantissa, exponent] = String(number).split("e");
  const [whole, fraction = ""] = mantissa.split(".");
  const places = shift + Number(exponent ?? 0) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (digits < 0n) fail(`negative price ${number}`);
  if (places >= 0) return (digits * 10n ** BigInt(places)).toString();
  const divisor = 10n ** BigInt(-places);
  return ((digits + divisor - 1n) / divisor).toString();
}

const picodollars = (perMillion) => scaled(perMillion, 6);
const nanodollars = (perThousand) => scaled(perThousand, 6);

// --- match rules: postfix, one word each ---------------------------------------------------------------------------

const word = (sign, text) => {
  const lower = text.toLowerCase();
  if (!/^[\x21-\x7e]+$/.test(lower)) fail(`match text ${JSON.stringify(text)}`);
  return sign + lower;
};

// "anything but text to speech", the one look-ahead in the data
const NOT_TTS = "^(?!.*-[tT][tT][sS](?:$|-))";

// A regular expression of literals and digits as a pattern in which # stands for one digit, anchors kept.
function pattern(regex) {
  if (regex === NOT_TTS) return ["$-tts", "*-tts-", "|2", "!"];
  let rest = regex;
  let out = "~";
  const eat = (expression) => {
    const found = expression.exec(rest);
    if (found) rest = rest.slice(found[0].length);
    return found;
  };
  if (eat(/^\^/)) out += "^";
  for (let found; rest !== "" && rest !== "$"; ) {
    if ((found = eat(/^\\d\{(\d+)\}/))) out += "#".repeat(Number(found[1]));
    else if (eat(/^\\d(?![{*+?])/)) out += "#";
    else if ((found = eat(/^\\([^\w\s#^$])(?![{*+?])/))) out += found[1];
    else if ((found = eat(/^([-\w/:=@ ])(?![{*+?])/))) out += found[1].toLowerCase();
    else fail(`regular expression ${regex}: not understood at ${rest}`);
  }
  return [rest === "$" ? out + "$" : out];
}

const SIMPLE = { equals: "=", starts_with: "^", ends_with: "$", contains: "*" };

function match(rule) {
  const keys = Object.keys(rule);
  if (keys.length !== 1) fail(`match rule ${JSON.stringify(rule)}`);
  const [kind] = keys;
  if (kind in SIMPLE) return [word(SIMPLE[kind], rule[kind])];
  if (kind === "regex") return pattern(rule.regex);
  if (kind !== "or" && kind !== "and") fail(`match rule ${kind}`);
  const parts = rule[kind].map(match);
  if (parts.length === 0) fail("empty match rule");
  if (parts.length === 1) return parts[0];
  return [...parts.flat(), (kind === "or" ? "|" : "&") + parts.length];
}

// --- prices --------------------------------------------------------------------------------------------------------

// Of a model that only speaks, the price of its output is that of speech. (Of models that write and draw it is not.)
function whole(prices, id) {
  const made = { ...prices };
  if (/(^|[-/])tts($|[-:])/.test(id)) made.output_audio_mtok ??= made.output_mtok;
  made.output_image_mtok ??= made.output_video_mtok; // moving ones
  for (const key of ["output_audio_mtok", "output_image_mtok", "output_video_mtok"]) {
    if (made[key] === undefined || key === "output_video_mtok") delete made[key];
  }
  return made;
}

function rates(prices, above) {
  const out = [];
  for (const [key, name] of Object.entries(RATES)) {
    const price = prices[key];
    if (price === undefined) continue;
    let amount = typeof price === "number" ? price : price.base;
    if (typeof price === "object") {
      for (const tier of [...price.tiers].sort((a, b) => a.start - b.start)) {
        if (above >= tier.start) amount = tier.price;
      }
    }
    out.push(`${name}=${picodollars(amount)}`);
  }
  return out.join(" ");
}

function price(given, id) {
  const prices = whole(given, id);
  const keys = Object.keys(prices);
  for (const key of keys) {
    if (!(key in RATES) && !LEFT_OUT.has(key) && key !== "requests_kcount") fail(`${id}: price of ${key}`);
  }
  // Without a price it is free only where the name says so; nothing else may be taken for free.
  if (keys.length === 0) return id.endsWith(":free") ? ["in=0 out=0"] : ["unknown"];
  if (prices.input_mtok === undefined && prices.output_mtok === undefined) return ["unknown"];
  const starts = new Set();
  for (const key of Object.keys(RATES)) {
    for (const tier of prices[key]?.tiers ?? []) starts.add(tier.start);
  }
  if (starts.size > MAX_TIERS) fail(`${id}: ${starts.size} tiers`);
  const out = [rates(prices, -1)];
  for (const start of [...starts].sort((a, b) => a - b)) out.push(`above=${start} ${rates(prices, start)}`);
  if (prices.requests_kcount !== undefined) out[0] += ` request=${nanodollars(prices.requests_kcount)}`;
  return out;
}

function secondOfDay(text) {
  const found = /^(\d\d):(\d\d):(\d\d)(?:Z|\+00:00)$/.exec(text) ?? fail(`time of day ${text}`);
  return Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]);
}

function when(constraint) {
  if (constraint === undefined) return "always";
  if (constraint.type === "start_date") {
    return /^\d{4}-\d\d-\d\d$/.test(constraint.start_date) ? `from ${constraint.start_date}` : fail(constraint.start_date);
  }
  if (constraint.type === "time_of_date") {
    return `daily ${secondOfDay(constraint.start_time)} ${secondOfDay(constraint.end_time)}`;
  }
  return fail(`price constraint ${JSON.stringify(constraint)}`);
}

// --- the file --------------------------------------------------------------------------------------------------------

const HEAD = `# Prices of models. Generated by tools/catalogue/generate.mjs (make catalogue-update): do not edit.
# Fields are separated by tabs. Lines, in this order for each provider and model:
#   provider ID TITLE FALLBACKS        FALLBACKS: providers whose models are tried too, by comma
#   model ID NAME CONTEXT              tokens, 0: not known; the first model whose rule matches a name is it
#   match WORD...                      postfix rule on the lower-case name: =equals ^starts $ends *contains
#                                      ~pattern (# is a digit, leading ^ and trailing $ anchor), !not, |N or, &N and
#   price WHEN RATES TIER...           the last one that applies is in force. WHEN: always, from DATE, daily BEGIN END
#                                      (seconds of the UTC day). RATES in pico-dollars per token, request in nano-dollars`;

async function main(folder) {
  const { providers } = await load(folder);
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const here = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
  const lines = [HEAD, `source\t${manifest.name} ${manifest.version}`, `date\t${here.catalogue.date}`];
  for (const provider of [...providers].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    lines.push(["provider", provider.id, plain(provider.name), (provider.fallback_model_providers ?? []).join(",")].join("\t"));
    for (const model of provider.models) {
      lines.push(["model", model.id, plain(model.name), model.context_window ?? 0].join("\t"));
      lines.push(["match", ...match(model.match)].join("\t"));
      const periods = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
      for (const period of periods) lines.push(["price", when(period.constraint), ...price(period.prices, model.id)].join("\t"));
    }
  }
  process.stdout.write(lines.join("\n") + "\n");
}

await main(process.argv[2] ?? fail("usage: generate.mjs PACKAGE_FOLDER"));
