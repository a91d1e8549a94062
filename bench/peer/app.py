"""Threads and messages on FastAPI, SQLAlchemy's asyncio and asyncpg or aiosqlite.

`DATABASE_URL` is an address of SQLAlchemy, `POOL_SIZE` the number of its connections. Written as a careful user of
that stack would: a session for each request, models and services, one commit for each write, connections that stay
open, SQLite in WAL mode with every commit on the disk. Nobody has to log in.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, String, Text, TypeDecorator, event, insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=30000",
    "cache_size=-65536",
    "mmap_size=268435456",
)

engine = create_async_engine(
    os.environ["DATABASE_URL"], pool_size=int(os.environ.get("POOL_SIZE", "10")), max_overflow=0
)
new_session = async_sessionmaker(engine, expire_on_commit=False)

if engine.dialect.name == "sqlite":

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def new_id() -> str:
    return str(uuid4())


class JSONText(TypeDecorator[Any]):
    """JSON in a column of text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    pass


class Thread(Base):
    __tablename__ = "threads"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    title: Mapped[str | None] = mapped_column(String(255))
    agent_type: Mapped[str] = mapped_column(String(50))
    model: Mapped[str] = mapped_column(String(100))
    provider: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Message(Base):
    __tablename__ = "messages"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    thread_id: Mapped[str] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(20))
    content: Mapped[str | None] = mapped_column(Text)
    artifact_data: Mapped[Any | None] = mapped_column(JSONText)
    message_metadata: Mapped[Any | None] = mapped_column(JSONText)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ThreadIn(BaseModel):
    title: str | None = Field(None, max_length=255)
    agent_type: str = Field(max_length=50)
    model: str = Field(max_length=100)
    provider: str = Field(max_length=50)


class ThreadOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    title: str | None
    agent_type: str
    model: str
    provider: str
    created_at: datetime
    updated_at: datetime


class MessageIn(BaseModel):
    role: str = Field(max_length=20)
    content: str | None = None
    artifact_data: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class MessageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    thread_id: str
    role: str
    content: str | None
    artifact_data: dict[str, Any] | None
    metadata: dict[str, Any] | None = Field(None, validation_alias="message_metadata")
    created_at: datetime


class Created(BaseModel):
    created: int


async def session() -> AsyncIterator[AsyncSession]:
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]
Offset = Annotated[int, Query(ge=0)]

app = FastAPI()


async def found_thread(db: AsyncSession, thread_id: str) -> Thread:
    thread = await db.get(Thread, thread_id)
    if thread is None:
        raise HTTPException(404)
    return thread


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/threads", response_model=ThreadOut, status_code=201)
async def create_thread(body: ThreadIn, db: Session) -> Thread:
    thread = Thread(**body.model_dump())
    db.add(thread)
    await db.commit()
    return thread


@app.get("/api/threads", response_model=list[ThreadOut])
async def list_threads(
    db: Session, limit: Annotated[int, Query(ge=1, le=500)] = 50, offset: Offset = 0
) -> Sequence[Thread]:
    query = select(Thread).order_by(Thread.updated_at.desc()).limit(limit).offset(offset)
    return (await db.scalars(query)).all()


@app.get("/api/threads/{thread_id}", response_model=ThreadOut)
async def get_thread(thread_id: str, db: Session) -> Thread:
    return await found_thread(db, thread_id)


@app.post("/api/threads/{thread_id}/messages", response_model=MessageOut, status_code=201)
async def create_message(thread_id: str, body: MessageIn, db: Session) -> Message:
    thread = await found_thread(db, thread_id)
    message = Message(thread_id=thread_id, **columns(body))
    db.add(message)
    thread.updated_at = now()
    await db.commit()
    return message


@app.post("/api/threads/{thread_id}/messages/bulk", response_model=Created, status_code=201)
async def create_messages(thread_id: str, body: list[MessageIn], db: Session) -> Created:
    thread = await found_thread(db, thread_id)
    await db.execute(insert(Message), [{"thread_id": thread_id, **columns(each)} for each in body])
    thread.updated_at = now()
    await db.commit()
    return Created(created=len(body))


@app.get("/api/threads/{thread_id}/messages", response_model=list[MessageOut])
async def list_messages(
    thread_id: str, db: Session, limit: Annotated[int, Query(ge=1, le=1000)] = 50, offset: Offset = 0
) -> Sequence[Message]:
    """The last messages, oldest first."""
    await found_thread(db, thread_id)
    query = select(Message).where(Message.thread_id == thread_id).order_by(Message.created_at.desc())
    return (await db.scalars(query.limit(limit).offset(offset))).all()[::-1]


def columns(body: MessageIn) -> dict[str, Any]:
    return {
        "role": body.role,
        "content": body.content,
        "artifact_data": body.artifact_data,
        "message_metadata": body.metadata,
    }
