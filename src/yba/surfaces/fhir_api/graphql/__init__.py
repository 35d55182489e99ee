"""GraphQL over the record, as FHIR defines it.

`checking` refuses a query before it costs anything, `execution` answers it, `loading` asks the
record (what is asked on one level goes together), `shaping` applies the directives of FHIR, and
`schema` describes all types, from which `describing` answers introspection. Parsing is
graphql-core's.
Standard: FHIR R4 graphql.html, GraphQL June 2018.
"""
