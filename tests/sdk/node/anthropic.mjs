// SPDX-License-Identifier: Apache-2.0
/* @anthropic-ai/sdk. */
import assert from "node:assert";
import Anthropic from "@anthropic-ai/sdk";
import { main, tools } from "./checks.mjs";

const finishes = { end_turn: "stop", tool_use: "tools", max_tokens: "length" };

function messages(turns) {
    return turns.map((turn) => {
        if (turn.results) {
            const content = turn.results.map(({ id, text }) => ({
                type: "tool_result",
                tool_use_id: id,
                content: text,
            }));
            return { role: "user", content };
        }
        if (turn.assistant) {
            return { role: "assistant", content: turn.assistant };
        }
        const content = [{ type: "text", text: turn.user }];
        if (turn.image) {
            const source = { type: "base64", media_type: "image/png", data: turn.image };
            content.unshift({ type: "image", source });
        }
        return { role: "user", content };
    });
}

function body({ model, turns, tools: list, schema, maxTokens, ...more }) {
    return {
        model,
        max_tokens: maxTokens ?? 4000,
        messages: messages(turns),
        ...(list && {
            tools: list.map(({ name, description, schema: input_schema }) => ({
                name,
                description,
                input_schema,
            })),
        }),
        ...(schema && { output_config: { format: { type: "json_schema", schema } } }),
        ...more,
    };
}

function result(message) {
    const blocks = (type) => message.content.filter((block) => block.type === type);
    const usage = message.usage;
    return {
        text: blocks("text")
            .map((block) => block.text)
            .join(""),
        calls: blocks("tool_use").map(({ id, name, input }) => ({ id, name, input })),
        finish: finishes[message.stop_reason] ?? message.stop_reason,
        usage: {
            input: usage.input_tokens,
            output: usage.output_tokens,
            cached: usage.cache_read_input_tokens,
        },
        turn: message.content,
        message,
    };
}

async function* stream(client, request) {
    const runner = client.messages.stream(body(request));
    for await (const event of runner) {
        yield event.delta?.type === "text_delta" ? event.delta.text : undefined;
    }
    return result(await runner.finalMessage());
}

/* Thoughts come with a signature and go back as they are, before the call. */
async function keepsThoughts(t) {
    const request = {
        model: t.target.model,
        tools,
        thinking: { type: "enabled", budget_tokens: 1024 },
        turns: [{ user: "Think, then call [[sim:tools-thinking]]" }],
    };
    const pieces = stream(t.client, request);
    let step = await pieces.next();
    while (!step.done) {
        step = await pieces.next();
    }
    const first = step.value;
    const thought = first.turn.find((block) => block.type === "thinking");
    assert(thought?.thinking.length > 0, "no thoughts");
    const results = [{ id: first.calls[0].id, text: "20 C [[sim:echo]]" }];
    request.turns.push({ assistant: first.turn }, { results });
    const second = await t.driver.run(t.client, request);
    assert.equal(second.text, "20 C [[sim:echo]]");
}

async function countsTokens(t) {
    const { input_tokens: count } = await t.client.messages.countTokens({
        model: t.target.model,
        messages: [{ role: "user", content: "How many are these?" }],
    });
    assert(count > 0);
}

async function tellsCacheWrites(t) {
    const user = "A prompt that is long enough to go into the cache "
        + "[[sim:usage-cached-4-usage-write-5m-3-usage-write-1h-2]]";
    const { message } = await t.driver.run(t.client, { model: t.target.model, turns: [{ user }] });
    assert.equal(message.usage.cache_read_input_tokens, 4);
    assert.equal(message.usage.cache_creation_input_tokens, 5);
    assert.equal(message.usage.cache_creation.ephemeral_5m_input_tokens, 3);
    assert.equal(message.usage.cache_creation.ephemeral_1h_input_tokens, 2);
}

await main({
    name: "npm @anthropic-ai/sdk",
    retries: true,
    make: ({ url, retries }) =>
        new Anthropic({ baseURL: url, apiKey: "sk-test", maxRetries: retries, timeout: 15000 }),
    async run(client, request) {
        return result(await client.messages.create(body(request)));
    },
    stream,
    status: (error) => error.status,
    more: [
        ["thoughts", keepsThoughts, ["anthropic"]],
        ["cache writes", tellsCacheWrites, ["anthropic"]],
        ["count_tokens", countsTokens],
    ],
});
