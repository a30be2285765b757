"""How are labelled images read, one file for each way in which they lie about?"""
