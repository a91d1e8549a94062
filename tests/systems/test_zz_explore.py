"""explore plans"""
import pytest, re
from django.db import connection
from tests.systems.plans import plan_of_statement
from tests.client import ApiClient
from tests.api.conftest import shelf
def test_x(api, actor, shelf):
    from tests.api.routes import list_routes
    seen={}
    def listen(execute, sql, params, many, context):
        stmts.append((sql,params)); return execute(sql,params,many,context)
    agent=shelf.agent
    qs={"threads":["","order=asc","agent_type=x","provider=x","model=x","external_id=x","agent_id="+agent,"archived=true","archived=false","trashed=true","created_after=2020-01-01T00:00:00Z","created_before=2099-01-01T00:00:00Z","updated_after=2020-01-01T00:00:00Z","updated_before=2099-01-01T00:00:00Z","q=kept","offset=1","count=true"],
    "agents":["","order=asc","agent_type=x","provider=x","model=x","slug=x","trashed=true","offset=1","count=true"],
    f"threads/{shelf.thread}/messages":["","order=desc","branches=all","trashed=true","count=true"],
    "messages":["","order=asc","q=kept","count=true"],
    "feedback":["","order=asc","count=true"],
    f"messages/{shelf.message}/feedback":["","order=asc","count=true"]}
    for path,qq in qs.items():
        for q in qq:
            stmts=[]
            with connection.execute_wrapper(listen):
                r=api.get(f"/api/{path}?{q}"); assert r.status_code==200,(path,q,r.content)
            for sql,params in stmts:
                if "api" in sql[:60]: continue
                p=plan_of_statement(sql,params)
                flag = "BAD" if p.scans or p.sorts else "ok"
                print(flag, path[:30], q, "|", p.text.replace("\n"," ;; ")[:400] if flag=="BAD" or 1 else "")
