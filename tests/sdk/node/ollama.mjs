// SPDX-License-Identifier: Apache-2.0
/* ollama of npm. */
import assert from "node:assert";
import { Ollama } from "ollama";
import { embedding, main } from "./checks.mjs";

function messages(turns) {
    return turns.flatMap((turn) => {
        if (turn.results) {
            return turn.results.map(({ name, text }) => ({ role: "tool", tool_name: name, content: text }));
        }
        if (turn.assistant) {
            return [turn.assistant];
        }
        return [{ role: "user", content: turn.user, ...(turn.image && { images: [turn.image] }) }];
    });
}

function body({ model, turns, tools, schema, maxTokens }) {
    return {
        model,
        messages: messages(turns),
        ...(tools && {
            tools: tools.map(({ name, description, schema: parameters }) => ({
                type: "function",
                function: { name, description, parameters },
            })),
        }),
        ...(schema && { format: schema }),
        ...(maxTokens && { options: { num_predict: maxTokens } }),
    };
}

/* Ollama's calls have no ids of their own: the check that they differ gets their places. */
function result(last, text, calls) {
    return {
        text,
        calls: calls.map(({ function: f }, i) => ({ id: String(i), name: f.name, input: f.arguments })),
        finish: calls.length > 0 && last.done_reason === "stop" ? "tools" : last.done_reason,
        usage: { input: last.prompt_eval_count, output: last.eval_count },
        turn: { role: "assistant", content: text, ...(calls.length > 0 && { tool_calls: calls }) },
    };
}

async function* stream(client, request) {
    const parts = await client.chat({ ...body(request), stream: true });
    const calls = [];
    let text = "";
    let last;
    try {
        for await (const part of parts) {
            last = part;
            text += part.message.content;
            calls.push(...(part.message.tool_calls ?? []));
            yield part.message.content;
        }
    } finally {
        if (!last?.done) {
            parts.abort();
        }
    }
    return result(last, text, calls);
}

async function generates(t) {
    const { model } = t.target;
    const answer = await t.client.generate({ model, prompt: "Say it [[sim:echo]]" });
    assert.equal(answer.response, "Say it [[sim:echo]]");
    let text = "";
    for await (const part of await t.client.generate({ model, prompt: "a b [[sim:echo]]", stream: true })) {
        text += part.response;
    }
    assert.equal(text, "a b [[sim:echo]]");
}

async function lists(t) {
    const { models } = await t.client.list();
    assert(models.length > 0);
    assert(models.every(({ name, model }) => name && model));
    const shown = await t.client.show({ model: models[0].model });
    assert(Array.isArray(shown.capabilities));
}

async function embeds(t) {
    const { embeddings } = await t.client.embed({ model: t.target.vectors, input: ["one", "two"] });
    assert.equal(embeddings.length, 2);
    assert.equal(typeof embeddings[0][0], "number");
}

await main({
    name: "npm ollama",
    make: ({ url }) => new Ollama({ host: url }),
    async run(client, request) {
        const answer = await client.chat({ ...body(request), stream: false });
        return result(answer, answer.message.content, answer.message.tool_calls ?? []);
    },
    stream,
    status: (error) => error.status_code,
    cached: () => false, /* the dialect has no word for them */
    more: [
        ["generate", generates],
        ["list and show", lists, ["ollama"]],
        ["embed", embeds, embedding],
    ],
});
