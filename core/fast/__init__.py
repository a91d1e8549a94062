"""The short way of the requests that make up the load: append, read a page, list.

DRF and the ORM cost many times what their statements do, and most of that is spent on making the same thing anew:
a serializer's fields, a query's text, a row's object. Here each is made once.

- `statements`: SQL that goes to the driver as it is and is prepared by the server.
- `queries`: a QuerySet is compiled once for each form it takes, and run with other values.
- `shapes`: rows become JSON text column by column, as the serializer would show them.
- `bodies`: a body that is plainly right is taken as the serializer would take it.
- `lists`: the three together: one page of a list.

None of it decides anything. The QuerySet names the rows, the serializer names fields and rules, the view names the
permission; whatever is not plain (another parameter, a branch, a wrong body) takes the long way, which also words the
errors. `tests/fast` shows that both ways give the same.
"""
