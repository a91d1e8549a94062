CREATE TABLE threads (
    id VARCHAR(36) PRIMARY KEY,
    title VARCHAR(255),
    agent_type VARCHAR(50) NOT NULL,
    model VARCHAR(100) NOT NULL,
    provider VARCHAR(50) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE messages (
    id VARCHAR(36) PRIMARY KEY,
    thread_id VARCHAR(36) NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    role VARCHAR(20) NOT NULL,
    content TEXT,
    artifact_data TEXT,
    message_metadata TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_threads_updated_at ON threads (updated_at);
CREATE INDEX idx_messages_thread_created_at ON messages (thread_id, created_at);
