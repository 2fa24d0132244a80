// SPDX-License-Identifier: Apache-2.0
/* @google/genai. */
import assert from "node:assert";
import { GoogleGenAI } from "@google/genai";
import { embedding, main } from "./checks.mjs";

const finishes = { STOP: "stop", MAX_TOKENS: "length" };

function contents(turns) {
    return turns.map((turn) => {
        if (turn.results) {
            const parts = turn.results.map(({ id, name, text }) => ({
                functionResponse: { id, name, response: { result: text } },
            }));
            return { role: "user", parts };
        }
        if (turn.assistant) {
            return turn.assistant;
        }
        const parts = [{ text: turn.user }];
        if (turn.image) {
            parts.push({ inlineData: { mimeType: "image/png", data: turn.image } });
        }
        return { role: "user", parts };
    });
}

function body({ model, turns, tools, schema, maxTokens }, abortSignal) {
    return {
        model,
        contents: contents(turns),
        config: {
            abortSignal,
            ...(tools && {
                tools: [
                    {
                        functionDeclarations: tools.map(({ name, description, schema: s }) => ({
                            name,
                            description,
                            parametersJsonSchema: s,
                        })),
                    },
                ],
            }),
            ...(maxTokens && { maxOutputTokens: maxTokens }),
            ...(schema && { responseMimeType: "application/json", responseJsonSchema: schema }),
        },
    };
}

function result(parts, finish, usage) {
    const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
    return {
        text: parts
            .filter((part) => part.text && !part.thought)
            .map((part) => part.text)
            .join(""),
        calls: calls.map(({ id, name, args }, i) => ({ id: id ?? String(i), name, input: args })),
        finish: calls.length > 0 && finish === "STOP" ? "tools" : (finishes[finish] ?? finish),
        usage: {
            input: usage?.promptTokenCount,
            output: usage?.candidatesTokenCount,
            cached: usage?.cachedContentTokenCount,
        },
        turn: { role: "model", parts: parts.filter((part) => part.text !== "") },
    };
}

async function* stream(client, request) {
    const abort = new AbortController();
    const parts = [];
    let finish;
    let usage;
    try {
        for await (const chunk of await client.models.generateContentStream(body(request, abort.signal))) {
            const candidate = chunk.candidates?.[0];
            parts.push(...(candidate?.content?.parts ?? []));
            finish = candidate?.finishReason ?? finish;
            usage = chunk.usageMetadata ?? usage;
            yield candidate?.content?.parts?.map((part) => part.text ?? "").join("");
        }
    } finally {
        if (!finish) {
            abort.abort();
        }
    }
    return result(parts, finish, usage);
}

async function countsTokens(t) {
    const { totalTokens } = await t.client.models.countTokens({
        model: t.target.model,
        contents: "How many are these?",
    });
    assert(totalTokens > 0);
}

async function embeds(t) {
    const { embeddings } = await t.client.models.embedContent({
        model: t.target.vectors,
        contents: ["one", "two"],
    });
    assert.equal(embeddings.length, 2);
    assert.equal(typeof embeddings[0].values[0], "number");
}

await main({
    name: "npm @google/genai",
    retries: true,
    make: ({ url, retries }) =>
        new GoogleGenAI({
            apiKey: "sk-test",
            httpOptions: { baseUrl: url, ...(retries && { retryOptions: { attempts: retries + 1 } }) },
        }),
    async run(client, request) {
        const answer = await client.models.generateContent(body(request));
        const candidate = answer.candidates[0];
        return result(candidate.content.parts ?? [], candidate.finishReason, answer.usageMetadata);
    },
    stream,
    status: (error) => error.status,
    more: [
        ["countTokens", countsTokens],
        ["embedContent", embeds, embedding],
    ],
});
