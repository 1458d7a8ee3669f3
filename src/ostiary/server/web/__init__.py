"""The pages for people: fallbacks for stages, login and registration, where links in mails lead, the front door.

Every page works without scripts. Scripts, where there are any, only tell the application around the page what happened.
Must not know how anything is stored, nor decide anything that the calls of the API decide: they do it for the pages.
"""
