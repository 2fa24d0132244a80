/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Word rules for everything that is no programming and no plain question. A point is a point: about
 * 10 says "this word alone decides when it opens the request", 3 is a hint. See vocabulary.h for
 * the form of a phrase.
 */
#include "route/vocabulary.h"

#define LANGUAGES                                                                                  \
    "french|spanish|german|italian|portuguese|chinese|mandarin|cantonese|japanese|korean|russian|" \
    "arabic|hindi|dutch|polish|turkish|swedish|greek|latin|hebrew|ukrainian|vietnamese|thai|"      \
    "danish|norwegian|finnish|czech|hungarian|romanian|indonesian|urdu|bengali|swahili|persian|"   \
    "farsi|tamil|catalan|english"
#define PIECES                                                                                     \
    "poem|haiku|limerick|sonnet|story|stories|essay|song|lyrics|blog|post|email|letter|speech|"    \
    "article|tweet|script|dialogue|screenplay|novel|ad|advertisement|description|caption|"         \
    "release|toast|resume|bio|newsletter|monologue|scene|joke|rap|paragraph|paragraphs|tale|"      \
    "eulogy|introduction|chapter|play|message|memo|review|announcement|proposal|invitation|"       \
    "ballad|ode|parody|obituary|brief|copy|statement|pitch|sentence|sentences|backstory|fable|"    \
    "narrative|plot|words|review|conversation|text|note|report|column|editorial|verse|intro|"      \
    "outline|job|cover|thank|birthday|wedding|apology|linkedin|instagram|story|argument"
#define WRITE "write|compose|draft|create|generate|pen|author|produce|craft|make|writing"

const struct word_rule rules_general[] = {
    /* summarization */
    RULE(SUMMARIZATION, 11, 0, "summarize",
         "summarize|summarise|summarized|summarizing|summarising|summarizes|summarised|"
         "summarisation|summarization"),
    RULE(SUMMARIZATION, 9, 0, "summary", "summary|summaries|synopsis|tldr|precis"),
    RULE(SUMMARIZATION, 9, RULE_GAP_3, "give me a summary",
         "give|provide|write|create|need|make|want|produce|generate|share|short|brief|quick "
         "summary|overview|recap|synopsis|digest"),
    RULE(SUMMARIZATION, 10, 0, "tl;dr", "tl|tldr"),
    RULE(SUMMARIZATION, 9, RULE_PASSAGE | RULE_GAP_1, "tell me about",
         "tell|describe|write|give|know|points|facts|information me|about|some|brief "
         "about|information|facts|points|regarding"),
    RULE(SUMMARIZATION, 10, RULE_GAP_2, "sum up", "sum up"),
    RULE(SUMMARIZATION, 8, 0, "boil down", "boil|distill down|to"),
    RULE(SUMMARIZATION, 9, 0, "key points",
         "key|main|important|essential|central "
         "points|takeaways|ideas|idea|takeaway|arguments|findings|message|point"),
    RULE(SUMMARIZATION, 13, RULE_GAP_3, "what are the key points",
         "what|give|list|tell|what's|name|highlight key|main|central "
         "points|takeaways|ideas|idea|arguments|findings|message|point"),
    RULE(SUMMARIZATION, 7, RULE_AT_START, "condense",
         "condense|recap|digest|abridge|outline|distill|compress"),
    RULE(SUMMARIZATION, 10, 0, "gist", "gist|recap|nutshell|eli5"),
    RULE(SUMMARIZATION, 5, RULE_GAP_2, "in a few sentences",
         "in|into one|two|three|few|single|short|bullet|1|2|3|5 "
         "sentence|sentences|bullets|points|lines|paragraph"),
    RULE(SUMMARIZATION, 4, RULE_GAP_1, "short overview",
         "short|brief|quick|concise overview|rundown|version|account"),
    RULE(SUMMARIZATION, 5, RULE_PASSAGE, "what is it about", "about"),
    RULE(SUMMARIZATION, 6, RULE_GAP_3, "what is this text about",
         "what passage|article|text|book|paragraph|story|email|thread|meeting about"),
    RULE(SUMMARIZATION, 9, RULE_AT_START, "résume",
         "résume|résumez|Résumez|Résume|Fasse|fasst|resume|resumen|resuma|riassumi|zusammenfassung|"
         "zusammenfassen|fasse|resumir|résumer"),
    RULE(SUMMARIZATION, 3, RULE_PASSAGE, "bullet list", "bulleted|bullet list|points|summary"),

    /* translation */
    RULE(TRANSLATION, 11, 0, "translate", "translate|translates|translating|translated"),
    RULE(TRANSLATION, 9, 0, "translation", "translation|translations|translator"),
    RULE(TRANSLATION, 10, RULE_GAP_3, "give me the translation",
         "give|provide|need|want translation"),
    RULE(TRANSLATION, 8, RULE_GAP_2, "need it in a language", "need|want|have|give " LANGUAGES),
    RULE(TRANSLATION, 7, RULE_GAP_1, "into a language", "into|to " LANGUAGES),
    RULE(TRANSLATION, 6, RULE_GAP_2, "from one language to another", "from " LANGUAGES " to|into"),
    RULE(TRANSLATION, 10, RULE_GAP_3, "how do you say", "how|what's say|spell|pronounce"),
    RULE(TRANSLATION, 9, RULE_GAP_3, "what is it in a language", "what|what's in " LANGUAGES),
    RULE(TRANSLATION, 7, RULE_GAP_2, "say in a language",
         "say|write|put|render|give|version in|into " LANGUAGES),
    RULE(TRANSLATION, 9, RULE_GAP_1, "language version", LANGUAGES " version|equivalent|for|word"),
    RULE(TRANSLATION, 10, RULE_AT_START, "traduire",
         "traduis|traduisez|traduire|traduce|traducir|traduzca|traduza|übersetze|Übersetze|"
         "Übersetzen|übersetzen|traduci|переведи|переведите|vertaal|tradueix|przetłumacz"),

    /* rewrite */
    RULE(REWRITE, 10, 0, "rewrite",
         "rewrite|reword|rephrase|paraphrase|rewriting|rephrasing|paraphrasing|rewritten|rewording|"
         "reformulate"),
    RULE(REWRITE, 9, 0, "tone down", "tone down"),
    RULE(REWRITE, 10, RULE_GAP_2, "better way to say",
         "better|nicer|another|politer|different way say|phrase|put|write"),
    RULE(REWRITE, 10, 0, "proofread", "proofread|proofreading|copyedit"),
    RULE(REWRITE, 10, RULE_GAP_3, "fix the grammar",
         "fix|correct|check|improve|edit grammar|spelling|punctuation|typos|grammatical"),
    RULE(REWRITE, 8, RULE_GAP_3, "make it more formal",
         "make|sound "
         "more|less|sound|shorter|friendlier|clearer|simpler|warmer|concise|formal|longer|polite|"
         "casual|punchier|nicer|readable|professional|firmer|politer|better"),
    RULE(REWRITE, 7, RULE_GAP_1, "more formal",
         "more|less "
         "formal|polite|concise|professional|casual|friendly|persuasive|readable|engaging|natural|"
         "diplomatic|assertive|conversational"),
    RULE(REWRITE, 8, RULE_GAP_3, "improve the wording",
         "improve|change|adjust|soften|polish|tighten|vary "
         "wording|style|tone|clarity|flow|writing|phrasing|prose|readability"),
    RULE(REWRITE, 8, RULE_AT_START | RULE_PROSE, "shorten",
         "shorten|polish|simplify|edit|tighten|reformat|soften|tidy|lengthen|humanize|rework|"
         "restate"),
    RULE(REWRITE, 7, RULE_PROSE | RULE_GAP_3, "turn this into",
         "turn|convert|change|put|transform this|these|my|sentence|notes into|to"),
    RULE(REWRITE, 7, RULE_GAP_2, "active voice",
         "active|passive|third|first|past|present|plain voice|person|tense|english|language"),
    RULE(REWRITE, 4, 0, "grammar", "grammar|wording|typos|phrasing|misspellings"),
    RULE(REWRITE, 7, RULE_GAP_3, "say differently",
         "say|put|word|phrase this differently|better|politely|nicely|simply|another"),
    RULE(REWRITE, 6, RULE_GAP_2, "simple terms",
         "in|for|using simpler|plain|plainer|layman|layman's english|terms|words|language"),
    RULE(REWRITE, 14, 0, "plain English",
         "plain|simple|simpler|everyday|proper|better|plainer english|language|terms"),
    RULE(REWRITE, 9, RULE_AT_START, "reformuler",
         "reformule|reformulez|reescribe|reformula|umschreiben|corrige|corrigez|corrija|korrigiere|"
         "riscrivi"),

    /* extraction */
    RULE(EXTRACTION, 11, 0, "extract",
         "extract|extracts|extracting|extracted|extraction|extrae|extrait|extrais|extrahiere|"
         "estrai"),
    RULE(EXTRACTION, 9, RULE_GAP_3, "pull out", "pull|pick|copy|lift|get|grab out|from"),
    RULE(EXTRACTION, 7, RULE_GAP_2, "find all",
         "find|list|identify|return|get|collect|give|note|report all|every|each|any"),
    RULE(EXTRACTION, 6, RULE_GAP_3 | RULE_PASSAGE, "from the passage",
         "from "
         "text|passage|paragraph|article|below|above|excerpt|reference|document|transcript|"
         "paragraphs|description|content|provided"),
    RULE(EXTRACTION, 3, RULE_PASSAGE | RULE_GAP_3, "in the passage",
         "in|from|using|per "
         "text|passage|paragraph|article|below|provided|above|excerpt|reference|document|"
         "transcript|information"),
    RULE(EXTRACTION, 7, 0, "mentioned",
         "mentioned|listed|appearing|occurring|named|contained in|here|above|below"),
    RULE(EXTRACTION, 3, RULE_PASSAGE, "mentioned", "mentioned|appear|occur|named"),
    RULE(EXTRACTION, 9, RULE_GAP_1, "comma separated",
         "comma|semicolon|commas|newline|newlines separated|format|delimited|list"),
    RULE(EXTRACTION, 6, RULE_GAP_3, "separated by commas",
         "separate|separated|separating comma|commas|semicolon|semicolons|newlines|dash"),
    RULE(EXTRACTION, 8, RULE_GAP_1, "note down", "note|list|write|jot down"),
    RULE(EXTRACTION, 9, RULE_AT_START | RULE_PROSE, "parse", "parse"),
    RULE(EXTRACTION, 9, RULE_GAP_3, "which are mentioned", "which|what|who mentioned|listed"),
    RULE(EXTRACTION, 9, RULE_GAP_1, "named entities",
         "named|key|structured entities|entity|value|values|data|fields"),
    RULE(EXTRACTION, 7, RULE_AT_START | RULE_PASSAGE, "list",
         "list|identify|name|find|locate|highlight|retrieve|return|output|parse|provide"),
    RULE(EXTRACTION, 5, RULE_GAP_3, "as JSON",
         "into|in|return|output|give json|csv|table|yaml|jsonl|fields"),
    RULE(EXTRACTION, 8, RULE_GAP_2, "JSON with keys", "json keys|fields|containing"),
    RULE(EXTRACTION, 6, RULE_AT_START, "return", "return|output"),
    RULE(EXTRACTION, 5, RULE_GAP_3, "names and dates",
         "names|dates|date|emails|email|phone|prices|addresses|skills|amounts|name|total|address "
         "or|numbers|addresses|price|amount|dates|amounts"),
    RULE(EXTRACTION, 9, RULE_GAP_3, "list the names",
         "list|find|get|return|collect "
         "names|dates|amounts|numbers|emails|addresses|prices|deadlines"),
    RULE(EXTRACTION, 4, RULE_GAP_3 | RULE_PASSAGE, "bulleted list",
         "bulleted|bullet|comma|numbered|short|alphabetical list|points|order"),
    RULE(EXTRACTION, 6, RULE_GAP_2 | RULE_PASSAGE, "which are mentioned",
         "what|which|who|where are|is|does mentioned|listed|named|described"),

    /* classification */
    RULE(CLASSIFICATION, 11, 0, "classify",
         "classify|categorize|categorise|classifying|categorizing|classifies|klassifiziere|"
         "clasifica|classifie|classifica"),
    RULE(CLASSIFICATION, 7, 0, "classification",
         "classification|categorization|categorised|categorized|classified"),
    RULE(CLASSIFICATION, 8, RULE_AT_START, "label",
         "label|tag|triage|categories|sort|group|bucket|bin|flag"),
    RULE(CLASSIFICATION, 4, 0, "label", "label|labels|category|categories|tagged"),
    RULE(CLASSIFICATION, 12, 0, "sentiment", "sentiment|polarity"),
    RULE(CLASSIFICATION, 11, RULE_GAP_1, "positive or negative",
         "positive|spam|true|urgent|toxic|fact|formal|yes|male|hot|good|relevant or|vs|versus "
         "negative|ham|false|not|neutral|informal|safe|opinion|no|female|cold|bad|irrelevant|"
         "fiction"),
    RULE(CLASSIFICATION, 5, RULE_GAP_2, "which of these",
         "which|who|what|whether following|these|those|them|ones|amongst|among"),
    RULE(CLASSIFICATION, 8, RULE_GAP_3, "identify which",
         "identify|determine|decide|tell|state|say|check|indicate|specify|choose|select|detect "
         "which|whether|if"),
    RULE(CLASSIFICATION, 5, RULE_GAP_3, "identify the ... from",
         "identify|choose|select|pick|separate|divide|find from|among|between|into|list"),
    RULE(CLASSIFICATION, 7, RULE_GAP_3, "each as",
         "each|these|them|following|items either|or|categories|groups|category|type|belongs"),
    RULE(CLASSIFICATION, 5, RULE_GAP_1, "each of the following", "each following|these|those"),
    RULE(CLASSIFICATION, 7, RULE_GAP_2, "what category",
         "what|which|assign|right|correct|best|pick "
         "category|label|class|topic|sentiment|intent|department|genre|priority|tag"),
    RULE(CLASSIFICATION, 6, RULE_GAP_3, "belongs to", "belong|belongs|fall|falls to|in|into"),
    RULE(CLASSIFICATION, 7, 0, "odd one out", "odd one out"),
    RULE(CLASSIFICATION, 6, RULE_GAP_2, "out of the following",
         "out|among|amongst following|these|those|list|options"),
    RULE(CLASSIFICATION, 5, 0, "intent",
         "intent|toxicity|toxic|spam|clickbait|sarcastic|sarcasm|hateful|offensive|profanity"),
    RULE(CLASSIFICATION, 5, RULE_GAP_3, "answer with one word",
         "answer|reply|respond|output|return only|just|one|exactly "
         "one|label|yes|only|word|category"),
    RULE(CLASSIFICATION, 4, RULE_GAP_3 | RULE_AT_START, "is it one or the other", "is|are|does or"),

    /* brainstorming */
    RULE(BRAINSTORMING, 11, 0, "brainstorm", "brainstorm|brainstorming|ideate"),
    RULE(BRAINSTORMING, 8, 0, "ideas", "ideas|suggestions|recommendations|inspiration"),
    RULE(BRAINSTORMING, 9, RULE_GAP_3, "need topics",
         "need|want|looking topics|ideas|names|suggestions|options|tips|inspiration"),
    RULE(BRAINSTORMING, 8, RULE_GAP_3, "could be called", "could|should|can called|name"),
    RULE(BRAINSTORMING, 3, 0, "idea", "idea|concepts|possibilities"),
    RULE(BRAINSTORMING, 6, RULE_AT_START, "suggest", "suggest|recommend|propose|ideas"),
    RULE(BRAINSTORMING, 4, 0, "suggest", "suggest|recommend|recommended"),
    RULE(BRAINSTORMING, 9, RULE_GAP_1, "come up with", "come|think up"),
    RULE(BRAINSTORMING, 7, RULE_GAP_3, "give me a list",
         "give|provide|make|create|generate|share|need|write list|options|examples|names"),
    RULE(BRAINSTORMING, 6, RULE_GAP_2, "give me some",
         "give|provide|share|offer|tell|name "
         "me|us|some|few|several|ten|five|three|10|5|3|4|7|6|8|20 "
         "some|few|ideas|ten|five|ways|tips|examples|reasons|things|options|names|different|"
         "creative|possible"),
    RULE(BRAINSTORMING, 6, RULE_AT_START | RULE_PROSE, "list", "list"),
    RULE(BRAINSTORMING, 10, RULE_GAP_1, "what are some",
         "what|which "
         "some|good|fun|creative|easy|tips|different|great|interesting|cheap|unique|healthy|cool|"
         "effective"),
    RULE(BRAINSTORMING, 2, RULE_GAP_1, "what are the best",
         "what|which|where best|top|ways|things"),
    RULE(BRAINSTORMING, 9, RULE_GAP_1, "ways to",
         "ways|things|activities|tips|places|gifts|topics|strategies|names|titles|gift|reasons|"
         "steps to|for|i|we|you|why|people"),
    RULE(BRAINSTORMING, 4, 0, "ways", "ways|reasons|options|activities|alternatives"),
    RULE(BRAINSTORMING, 7, 0, "tips", "tips|slogans|taglines|icebreakers|hacks"),
    RULE(BRAINSTORMING, 5, RULE_GAP_1, "what should I",
         "what|where|which should|could|can|might|would i|we"),
    RULE(BRAINSTORMING, 7, RULE_GAP_1, "names for",
         "name|names|title|titles|slogan|tagline|nickname|theme|themes for"),
    RULE(BRAINSTORMING, 6, RULE_GAP_2, "bulleted list",
         "bulleted|bullet|random|checklist|top|list list|10|ten|five|5"),
    RULE(BRAINSTORMING, 5, RULE_GAP_3, "how might we", "how could|might we|i|you"),
    RULE(BRAINSTORMING, 5, RULE_AT_START | RULE_PROSE, "think of", "think|provide|share|pick"),

    /* generation */
    RULE(GENERATION, 7, RULE_AT_START | RULE_PROSE, "write",
         "write|compose|draft|pen|author|escribe|Écris|écris|écrivez|rédige|redacta|schreibe|"
         "schreib|scrivi|напиши"),
    RULE(GENERATION, 7, RULE_GAP_3, "write a piece", WRITE " " PIECES),
    RULE(GENERATION, 3, RULE_GAP_3, "write a piece",
         WRITE "|need|want|give "
               "short|long|funny|brief|formal|fictional|persuasive|creative|sad|detailed|"
               "compelling|catchy|heartfelt|quick|professional|two|three|one|500|100|200 " PIECES),
    RULE(GENERATION, 4, 0, "a piece of writing",
         "poem|haiku|limerick|sonnet|lyrics|screenplay|eulogy|ballad|monologue|fable|fairy|toast|"
         "tagline|slogan|rap"),
    RULE(GENERATION, 9, RULE_GAP_3, "tell a story", "tell story|tale|fable"),
    RULE(GENERATION, 5, RULE_AT_START | RULE_PROSE, "create",
         "create|generate|produce|craft|invent|design|continue|finish"),
    RULE(GENERATION, 7, RULE_AT_START, "imagine", "imagine|pretend|roleplay|suppose"),
    RULE(GENERATION, 5, RULE_GAP_2, "in the style of", "in style|voice|manner"),
    RULE(GENERATION, 7, RULE_GAP_3, "continue the story",
         "continue|finish|complete|extend|end "
         "story|tale|poem|paragraph|chapter|scene|narrative|plot|sentence"),
    RULE(GENERATION, 4, RULE_AT_START, "describe a", "describe your|being|life"),
    RULE(GENERATION, 3, 0, "fiction",
         "fictional|fiction|character|characters|protagonist|rhyme|rhyming|stanza|stanzas|plot|"
         "twist|humorous|whimsical"),
    RULE(GENERATION, 5, RULE_GAP_3, "need an email",
         "need|want|help|prepare|put "
         "email|letter|speech|essay|post|bio|paragraph|description|caption|memo|reply|response|"
         "toast to|for|about|explaining|asking|announcing"),
    RULE(GENERATION, 4, RULE_GAP_2, "plan a trip",
         "plan|create|make|design|build|prepare my|me "
         "plan|itinerary|menu|schedule|agenda|curriculum|workout|routine|syllabus|quiz|worksheet|"
         "lesson"),

    /* chat */
    RULE(CHAT, 8, RULE_SHORT | RULE_TEXT_START, "hello",
         "hello|hi|hey|yo|howdy|hiya|greetings|hola|bonjour|hallo|ciao|salut|heya|morning|sup|"
         "привет"),
    RULE(CHAT, 5, RULE_SHORT | RULE_AT_START, "say hello", "say hello|hi|hey|goodbye|bye|cheese"),
    RULE(CHAT, 9, RULE_SHORT, "good morning", "good morning|afternoon|evening|night|day"),
    RULE(CHAT, 11, RULE_SHORT | RULE_GAP_2, "how are you",
         "how are|is|was you|your|things|going|day|everything|life|weekend|morning"),
    RULE(CHAT, 9, RULE_SHORT | RULE_GAP_1, "have a nice day",
         "have|happy nice|good|great|lovely|friday|monday|weekend|holidays"),
    RULE(CHAT, 9, RULE_SHORT, "thanks",
         "thanks|thank|thx|cheers|ty|merci|gracias|danke|appreciate|grateful"),
    RULE(CHAT, 9, RULE_SHORT, "what's up", "what's|whats up|new|happening|good"),
    RULE(CHAT, 9, RULE_SHORT, "bye", "bye|goodbye|farewell|goodnight|ttyl|cya"),
    RULE(CHAT, 9, RULE_SHORT, "see you",
         "see|talk|catch|nice you|to|up later|soon|tomorrow|meet|you|talking|meeting"),
    RULE(CHAT, 7, RULE_SHORT, "lol", "lol|haha|hahaha|lmao|hehe|wow|aww|yay|oops|hmm|ugh|nah"),
    RULE(CHAT, 8, RULE_SHORT, "who are you", "who|what are|is you|your"),
    RULE(CHAT, 11, RULE_SHORT | RULE_GAP_2, "are you a bot",
         "are|you human|bot|real|alive|sentient|robot|ai|person|machine"),
    RULE(CHAT, 7, RULE_SHORT, "your name", "your|you name|favorite|favourite|hobbies|day|weekend"),
    RULE(CHAT, 6, RULE_SHORT, "I feel",
         "i|i'm|im "
         "feel|feeling|love|hate|sad|bored|tired|happy|lonely|excited|stressed|glad|sorry|fine|"
         "good|great|hungry|sleepy|nervous|am"),
    RULE(CHAT, 10, RULE_SHORT | RULE_GAP_2, "tell me a joke", "tell|know|hear joke|jokes"),
    RULE(CHAT, 6, RULE_SHORT | RULE_TEXT_START, "ok",
         "ok|okay|cool|great|awesome|yes|no|sure|yep|nope|yeah|perfect|nice|right|alright|fine|"
         "absolutely|agreed|exactly|sounds|got|interesting|oh|ah"),
    RULE(CHAT, 11, RULE_SHORT | RULE_GAP_2, "let's talk", "let's|we|want|wanna|can chat|talk|vent"),
    RULE(CHAT, 6, RULE_GAP_1 | RULE_SHORT, "do you like",
         "do|would|are|have|can you "
         "like|think|ever|love|enjoy|remember|dream|sleep|feel|prefer|believe|there"),
};
const size_t rules_general_count = ARRAY_LEN(rules_general);
