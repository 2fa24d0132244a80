// SPDX-License-Identifier: Apache-2.0
/* openai of npm: chat completions. */
import assert from "node:assert";
import OpenAI from "openai-7";
import { embedding, main } from "./checks.mjs";
import { chatBody, chatResult, openaiEmbeddings } from "./openai_words.mjs";

await main({
    name: "npm openai 7 chat",
    retries: true,
    make: ({ url, retries }) =>
        new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test", maxRetries: retries, timeout: 15000 }),
    async run(client, request) {
        return chatResult(await client.chat.completions.create(chatBody(request)));
    },
    async *stream(client, request) {
        const runner = client.chat.completions.stream({
            ...chatBody(request),
            stream_options: { include_usage: true },
        });
        for await (const chunk of runner) {
            yield chunk.choices[0]?.delta?.content;
        }
        return chatResult(await runner.finalChatCompletion());
    },
    status: (error) => error.status,
    more: [
        ["embeddings", (t) => openaiEmbeddings(t.client, t.target.vectors), embedding],
        [
            "models",
            async (t) => {
                const names = [];
                for await (const model of t.client.models.list()) {
                    names.push(model.id);
                }
                assert(names.length > 0, "no models");
            },
            ["openai"],
        ],
    ],
});
