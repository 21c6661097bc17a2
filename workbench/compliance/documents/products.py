"""Names of models, engines, stores and systems in a document, held against what the pilot's files name.

What the market calls these things is listed by kind; other names of systems are seen by how they are written. A name in
a clause that denies it ("no vector database such as ...") says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.compliance.documents.used import CLAUSE, Used, tokens_of

# Spelled as they are written in prose; a name that is a common word too stands with what tells it apart.
VERSION = r"(?i:[- ]?(?:v?\d[\w.]*|mini|nano|turbo|opus|sonnet|haiku|instruct|flash|pro|large|small|medium)(?!\w))*"
KNOWN = {
    "model": r"(?:GPT|ChatGPT|Claude(?! (?!Opus|Sonnet|Haiku)[A-Z])|Gemini|Gemma|L[Ll]a[Mm][Aa]|Mistral|Mixtral"
    r"|Codestral|Qwen|DeepSeek|Phi-\d|Command R|Granite|Grok|Falcon[- ]\d|(?:Ro|Distil)?BERT|Nova (?:Lite|Pro|Micro)"
    rf"|o[134]-(?:mini|preview)|Kimi|Yi-\d|OLMo|Nemotron|pocket(?= model| engine)){VERSION}",
    "engine": r"vLLM|Ollama|llama\.cpp|SGLang|TensorRT-LLM|LM Studio|Triton Inference Server|TGI|Ray Serve|ONNX Runtime"
    r"|OpenAI|Anthropic|Azure OpenAI|Bedrock|Vertex AI|Cohere|LangChain|LangGraph|LlamaIndex|CrewAI|AutoGen"
    r"|Semantic Kernel|Hugging Face",
    "store": r"PostgreSQL|Postgres|MySQL|MariaDB|SQLite|Oracle Database|SQL Server|MongoDB|Cassandra|DynamoDB|Cosmos DB"
    r"|CouchDB|Redis|Memcached|Elasticsearch|OpenSearch|Neo4j|Snowflake|BigQuery|Redshift|Databricks|ClickHouse|DuckDB"
    r"|Pinecone|Weaviate|Qdrant|Milvus|ChromaDB|pgvector|FAISS|MinIO|Azure Blob(?: Storage)?|Google Cloud Storage"
    r"|(?:Amazon|AWS) S3|S3(?= bucket)|HDFS|InfluxDB|Db2|HANA",
    "queue or system": r"Kafka|RabbitMQ|SQS|Azure Service Bus|Google Pub/Sub|ActiveMQ|IBM MQ|NATS|Celery|Salesforce"
    r"|ServiceNow|Jira|Zendesk|Freshdesk|SharePoint|Microsoft Teams|Slack(?! (?:time|in|is|of))|Coupa|Ariba|Workday"
    r"|NetSuite|Dynamics 365|S/4HANA|Oracle EBS|D(?:ATEV|atev)|HubSpot|Confluence|UiPath|MuleSoft|Camunda|Genesys|SAP",
}
NAMES = {kind: re.compile(rf"(?<![\w/.-])(?:{names})(?!\w)") for kind, names in KNOWN.items()}
ALWAYS_THERE = frozenset({"sqlite", "duckdb"})  # the workbench's own journal, and how it reads tables
SAME = {"postgres": "postgresql", "llama.cpp": "llama cpp", "chatgpt": "gpt"}
# Behind which models a provider stands, so that naming it beside them is no contradiction.
BEHIND = {
    "openai": "gpt",
    "azure openai": "gpt",
    "anthropic": "claude",
    "vertex ai": "gemini",
}
WRITTEN_AS_A_NAME = re.compile(r"(?<![\w`.-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w=])")
QUOTED_NAME = re.compile(r"`([A-Za-z][a-z0-9]*(?:_[a-z0-9]+)+)`")
DENIED = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|instead of|rather than|unlike)\b(?:\W+\w+){0,6}\W*$", re.I
)
DENIED_BEHIND = re.compile(
    r"^(?:\W+\w+){0,5}?\W+(?:(?:not|never|no longer) (?:used|needed|chosen|connected|called|allowed)"
    r"|refused|rejected)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a document: its kind, and where it begins."""

    kind: str
    name: str
    start: int


def unknown_names(text: str, used: Used) -> Iterator[Mention]:
    """Yield the names of models, engines, stores and systems that no file of the pilot names, in the text's order."""
    found = sorted((one for one in _mentions(text) if not _is_denied(text, one)), key=lambda one: one.start)
    for one in found:
        if not _is_known(one, used):
            yield one


def _mentions(text: str) -> Iterator[Mention]:
    for kind, names in NAMES.items():
        yield from (Mention(kind, match[0], match.start()) for match in names.finditer(text))
    yield from (Mention("system", match[0], match.start()) for match in WRITTEN_AS_A_NAME.finditer(text))
    yield from (Mention("name", match[1], match.start(1)) for match in QUOTED_NAME.finditer(text))


def _is_known(one: Mention, used: Used) -> bool:
    name = one.name.casefold()
    same = SAME.get(name, name)
    if same in ALWAYS_THERE or used.names(same) or used.names(name):
        return True
    behind = BEHIND.get(same)
    if one.kind == "system":  # a constant in capitals, unless it is called as the pilot's own systems are
        return not {*tokens_of(one.name)} & {token for system in used.systems for token in tokens_of(system)}
    return behind is not None and used.names(behind)


def _is_denied(text: str, one: Mention) -> bool:
    """Return whether the clause that a name stands in denies it, before it or behind it."""
    begins = max((match.end() for match in CLAUSE.finditer(text, 0, one.start)), default=0)
    ends = CLAUSE.search(text, one.start + len(one.name))
    behind = text[one.start + len(one.name) : None if ends is None else ends.start()]
    return DENIED.search(text[begins : one.start]) is not None or DENIED_BEHIND.search(behind) is not None
