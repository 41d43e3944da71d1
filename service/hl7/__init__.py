"""HL7 version 2: results out as ORU^R01, patients and surgeries in from ADT, ORM and SIU; framed by MLLP."""
